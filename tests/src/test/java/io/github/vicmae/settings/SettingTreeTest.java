package io.github.vicmae.settings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.kernel.Pooling;
import io.github.vicmae.objective.MaeConfig;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.objective.ModelSize;
import io.github.vicmae.objective.Presets;
import io.github.vicmae.objective.Variant;
import io.github.vicmae.objective.ViCMaeConfig;
import io.github.vicmae.train.TrainSettings;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class SettingTreeTest {
    /** A group of settings, one of which came later. */
    record Group(
            @Setting(flag = "--size", description = "size", value = "3", range = "[1, 10)")
            int size,

            @Setting(description = "share", value = "0.5", range = "(0, 1]", former = "0.25")
            double share) {
        Group {
            Definitions.check(Group.class, size, share);
        }
    }

    record Root(
            Group group,
            @Setting(description = "how", value = "mean") Pooling pooling) {}

    @Test
    void aTreeOfRecordsIsReadAsItWasWritten() throws IOException {
        Root root = new Root(new Group(4, 0.75), Pooling.GEM);
        assertEquals("{\"group\":{\"size\":4,\"share\":0.75},\"pooling\":\"gem\"}", SettingTree.json(root));
        assertEquals(root, SettingTree.read(SettingTree.json(root), Root.class));
        assertEquals(
                new Root(new Group(3, 0.5), Pooling.MEAN),
                SettingTree.build(SettingTree.defaults(Root.class), Root.class));
        assertEquals(new Root(new Group(4, 1), Pooling.GEM), SettingTree.with(root, "group.share", 1));
    }

    @Test
    void whatAnOlderFileLacksHasTheValueOfItsTime() throws IOException {
        Root old = SettingTree.read("{\"group\":{\"size\":4},\"pooling\":\"max\"}", Root.class);
        assertEquals(new Root(new Group(4, 0.25), Pooling.MAX), old);
    }

    @Test
    void valuesOutsideTheirRangeAreRefusedWithOneSentence() {
        assertEquals(
                "The size must be at least 1 and below 10, not 10",
                assertThrows(IllegalArgumentException.class, () -> new Group(10, 0.5))
                        .getMessage());
        assertEquals(
                "The share must be more than 0 and at most 1, not NaN",
                assertThrows(IllegalArgumentException.class, () -> new Group(1, Double.NaN))
                        .getMessage());
        Root root = new Root(new Group(4, 0.75), Pooling.GEM);
        assertEquals(
                "The share must be more than 0 and at most 1, not 0.0",
                assertThrows(IllegalArgumentException.class, () -> SettingTree.with(root, "group.share", 0.0))
                        .getMessage());
        assertEquals(
                "There is no setting 'group.shape' in Root",
                assertThrows(IllegalArgumentException.class, () -> SettingTree.with(root, "group.shape", 0.0))
                        .getMessage());
        assertThrows(IOException.class, () -> SettingTree.read("[1]", Root.class));
        assertThrows(IOException.class, () -> SettingTree.read("{\"group\":{\"size\":\"x\"}}", Root.class));
    }

    @Test
    void everyFlagOfARunHasOneDescriptionAndADefaultThatItsRangeHolds() {
        Map<String, String> descriptions = new HashMap<>();
        for (Definition d : Definitions.of(TrainSettings.class)) {
            Setting s = d.setting();
            assertFalse(s.description().isEmpty(), d.key());
            Range.parse(s.range());
            if (!s.value().isEmpty()) {
                d.check(d.parse(s.value()));
            }
            if (!s.flag().isEmpty()) {
                assertTrue(s.flag().matches("--[a-z0-9]+(-[a-z0-9]+)*"), s.flag());
                String before = descriptions.putIfAbsent(s.flag(), s.description() + s.shownDefault());
                // Methods may share a flag, with the same meaning.
                assertTrue(before == null || before.equals(s.description() + s.shownDefault()), s.flag());
            }
        }
        assertTrue(descriptions.keySet().containsAll(Set.of("--patch", "--lr", "--mask", "--lambda", "--precision")));
    }

    @Test
    void theLayoutOfOlderModelsIsRead() throws IOException {
        String old =
                "{\"variant\":\"release\",\"height\":32,\"width\":16,\"channels\":3,\"patch\":8,\"dim\":24,\"depth\":2,"
                        + "\"heads\":3,\"decoderDim\":16,\"decoderDepth\":1,\"decoderHeads\":2,\"mlpRatio\":2.0,\"headHidden\":20,"
                        + "\"headOut\":6,\"temperature\":0.2,\"maskRatio\":0.5,\"normPix\":false,\"pooling\":\"max\"}";
        ModelConfig config = ModelConfig.ofJson(old);
        assertEquals(32, config.trunk().height());
        assertEquals(48, config.trunk().hidden());
        assertEquals(32, config.decoder().hidden());
        assertFalse(config.decoder().normPix());
        ViCMaeConfig objective = (ViCMaeConfig) config.objective();
        assertEquals(Variant.RELEASE, objective.variant());
        assertEquals(Pooling.MAX, objective.pooling());
        assertEquals(0.2, objective.temperature());
        assertEquals("infonce", objective.contrast());
        assertEquals(config, ModelConfig.ofJson(config.json()));
        assertThrows(IOException.class, () -> ModelConfig.ofJson(old.replace("\"patch\":8", "\"patch\":7")));
        assertThrows(IOException.class, () -> ModelConfig.ofJson("{}"));
    }

    @Test
    void presetsAreThePublishedModels() {
        ModelConfig paper = Presets.viCMae(ModelSize.B16, Variant.PAPER);
        ModelConfig release = Presets.viCMae(ModelSize.L16, Variant.RELEASE);
        ModelConfig mae = Presets.of(ModelSize.H14, "mae");
        assertEquals(List.of(49, 98, 64), List.of(paper.kept(), release.kept(), mae.kept()));
        assertEquals(new MaeConfig(0.75, 1), mae.objective());
        assertEquals(0.97, release.objective().weights(0, 10)[0]);
        assertEquals(0.03, release.objective().weights(0, 10)[1]);
        assertEquals(0, paper.objective().weights(0, 10)[1]);
        assertEquals(0.03, paper.objective().weights(5, 10)[1]);
        Set<String> keys = new TreeSet<>();
        ((ObjectNode) SettingTree.tree(mae).get("objective")).fieldNames().forEachRemaining(keys::add);
        assertEquals(Set.of("maskRatio", "repeat", "method"), keys);
    }
}
