package io.github.vicmae.objective;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.vicmae.data.source.Kind;
import io.github.vicmae.data.video.FrameSampler;
import io.github.vicmae.data.view.ViewSettings;
import io.github.vicmae.example.PairMaeConfig;
import io.github.vicmae.model.ViewBatch;
import io.github.vicmae.settings.SettingTree;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The methods' published settings, and that of another one which is found beside them. */
class MethodsTest {
    private static List<ViewBatch> batches(String method) {
        ModelConfig config = Presets.of(ModelSize.B16, method);
        return config.objective().batches(config.trunk(), 4);
    }

    private static String tokens(ViewBatch views) {
        return views.patches() + " -> " + views.kept() + " + " + views.grid().classTokens();
    }

    /** The table of the paper: patches, those that are kept, and class tokens. */
    @Test
    void tokensAreThoseOfThePapers() {
        assertEquals("196 -> 49 + 1", tokens(batches("mae").get(0)));
        assertEquals("196 -> 49 + 1", tokens(batches("vicmae").get(0)));
        assertEquals("1568 -> 156 + 1", tokens(batches("st-mae").get(0)));
        assertEquals(
                List.of("196 -> 49 + 0", "1568 -> 157 + 0"),
                batches("omnimae").stream().map(MethodsTest::tokens).toList());
    }

    @Test
    void samplesBecomeViews() {
        assertEquals(
                List.of(2 * 4, 1 * 4, 4 * 4),
                List.of(
                        batches("vicmae").get(0).samples(),
                        batches("mae").get(0).samples(),
                        batches("st-mae").get(0).samples()));
        List<ViewBatch> omni = batches("omnimae");
        assertEquals(List.of(16, 16), omni.stream().map(ViewBatch::samples).toList()); // 16 images, 4 clips of 4 videos
        assertEquals(List.of(1, 16), omni.stream().map(ViewBatch::frames).toList());
        ModelConfig config = Presets.of(ModelSize.B16, "omnimae");
        assertEquals(
                List.of(Kind.IMAGE, Kind.VIDEO),
                List.of(
                        config.objective().kind(config.trunk(), 0),
                        config.objective().kind(config.trunk(), 1)));
        ViewSettings clips = config.objective().viewSettings(config.trunk(), 1);
        assertEquals(List.of(4, 16), List.of(clips.views(), clips.frames()));
    }

    @Test
    void settingsComeBack() throws IOException {
        for (Method method : Methods.all()) {
            ModelConfig config = Presets.of(ModelSize.TI8, method.name());
            assertEquals(method.name(), config.objective().method());
            assertEquals(method.settings(), config.objective().getClass());
            assertEquals(config, ModelConfig.ofJson(config.json()), method.name());
            for (Map.Entry<String, Object> value : method.run().entrySet()) {
                assertTrue(value.getKey().matches("(views|schedule|optimizer)\\..*"), value.getKey());
            }
        }
    }

    /** {@link PairMaeConfig} is one file and a line in META-INF/services. */
    @Test
    void aMethodOfOnesOwnIsFound() {
        assertEquals(
                List.of("vicmae", "mae", "st-mae", "omnimae", "pair-mae"),
                Methods.all().stream().map(Method::name).toList());
        ModelConfig config = Presets.of(ModelSize.TI8, "pair-mae");
        assertEquals(2, ((PairMaeConfig) config.objective()).weight());
        assertEquals(0.5, ((PairMaeConfig) config.with("objective.weight", 0.5).objective()).weight());
        assertEquals(new FrameSampler(2, 1.5, 7), config.objective().places(config.trunk(), 0, 1.5, 7));
        assertEquals(
                "There is no method 'moco': use " + Methods.names(),
                assertThrows(IllegalArgumentException.class, () -> Methods.named("moco"))
                        .getMessage());
    }

    @Test
    void whatDoesNotFitIsRefused() {
        ModelConfig clips = Presets.of(ModelSize.TI8, "st-mae");
        refused(clips, Map.of("trunk.frames", 15), "A clip of 15 frames cannot be cut into patches of 2 frames");
        refused(clips, Map.of("decoder.targetFrames", 7), "cannot have 7 target frames");
        refused(clips, Map.of("objective.maskRatio", 0.999), "leaves none of the 512 patches visible");
        refused(clips, Map.of("trunk.positions", "sincos"), "do not tell the 8 times of a clip apart");
        refused(clips, Map.of("trunk.positions", "sinusoid"), "no position for a class token");
    }

    private static void refused(ModelConfig config, Map<String, Object> values, String why) {
        var tree = SettingTree.tree(config);
        SettingTree.putAll(tree, values);
        String message = assertThrows(IllegalArgumentException.class, () -> SettingTree.build(tree, ModelConfig.class))
                .getMessage();
        assertTrue(message.contains(why), message);
    }
}
