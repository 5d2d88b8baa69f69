package io.github.vicmae.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.vicmae.TestData;
import io.github.vicmae.device.Device;
import io.github.vicmae.settings.Definition;
import io.github.vicmae.settings.Definitions;
import io.github.vicmae.settings.SettingTree;
import io.github.vicmae.settings.SettingYaml;
import io.github.vicmae.train.Recipe;
import io.github.vicmae.train.SettingsBuilder;
import io.github.vicmae.train.TrainSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Settings from recipes, files and the command line. */
class SettingsOptionTest extends CommandFixture {
    private static final String SMALL =
            "{model: {size: ti8, trunk: {height: 32, width: 16, dim: 32, depth: 1, heads: 2}, decoder: {dim: 16, depth: 1, heads: 2},"
                    + " objective: {maskRatio: 0.5, headHidden: 16, headOut: 8}}, schedule: {epochs: 2, batch: 4}, loading: {workers: 2}}";

    @TempDir
    static Path shared;

    @TempDir
    Path dir;

    private static Path data;

    @BeforeAll
    static void render() throws IOException {
        data = TestData.pictures(shared.resolve("data"), 12, 32);
    }

    private int pretrain(String... more) {
        List<String> args = new ArrayList<>(List.of("pretrain", "--device", "cpu"));
        args.addAll(List.of(more));
        return execute(args.toArray(String[]::new));
    }

    private Path file(String yaml) throws IOException {
        return Files.writeString(dir.resolve("run.yaml"), yaml);
    }

    private void assertSays(String... sentences) {
        for (String sentence : sentences) {
            assertTrue(err.toString().contains(sentence), sentence + "\n" + err);
        }
        assertFalse(err.toString().contains("\tat "), err.toString());
    }

    /** Trains a small model with settings from a file and further ones. */
    private Path smallRun(String... more) throws IOException {
        Path run = dir.resolve("run");
        List<String> args = new ArrayList<>(List.of("--settings", file(SMALL).toString()));
        args.addAll(List.of("--data", data.toString(), "--out", run.toString()));
        args.addAll(List.of(more));
        assertEquals(0, pretrain(args.toArray(String[]::new)), err.toString());
        return run;
    }

    private ObjectNode dryRun(String... more) throws IOException {
        List<String> args = new ArrayList<>(List.of("--dry-run", "--data", data.toString()));
        args.addAll(List.of(more));
        assertEquals(0, pretrain(args.toArray(String[]::new)), err.toString());
        return SettingYaml.read(out.toString());
    }

    @Test
    void aRunsSettingsGivenBackMakeTheSameRun() throws IOException {
        Path run = smallRun("--lr", "0.01", "--seed", "5", "--clip", "1");
        Path again = dir.resolve("again");
        assertEquals(0, pretrain("--settings", run.resolve("settings.yaml").toString(), "--out", again.toString()));
        assertArrayEquals(
                Files.readAllBytes(run.resolve("model.safetensors")),
                Files.readAllBytes(again.resolve("model.safetensors")));
        assertEquals(Files.readString(run.resolve("settings.yaml")), Files.readString(again.resolve("settings.yaml")));
        ObjectNode written = SettingYaml.read(Files.readString(run.resolve("settings.yaml")));
        assertEquals(0.01, SettingTree.get(written, "schedule.baseLearningRate").doubleValue());
        for (Definition d : Definitions.of(TrainSettings.class)) {
            boolean other = d.key().startsWith("model.objective.")
                    && Definitions.of(new SettingsBuilder().method().settings()).stream()
                            .noneMatch(own -> d.key().endsWith("objective." + own.key()));
            assertTrue(other || !SettingTree.get(written, d.key()).isMissingNode(), d.key());
        }
    }

    @Test
    void aRunGoesOnByItsNameAlone() throws IOException {
        Path run = smallRun("--decay", "constant", "--lambda-ramp", "constant");
        assertEquals(0, pretrain("--resume", run.toString()), err.toString());
        assertEquals(0, pretrain("--resume", run.toString(), "--epochs", "3", "--workers", "1"), err.toString());
        assertSays("9 steps, going on after step 6");
        ObjectNode written = SettingYaml.read(Files.readString(run.resolve("settings.yaml")));
        assertEquals(3, SettingTree.get(written, "schedule.epochs").intValue());
        assertEquals(1, SettingTree.get(written, "loading.workers").intValue());
        assertEquals(1, pretrain("--resume", run.toString(), "--lr", "1"));
        assertSays("schedule.baseLearningRate was 1.5E-4 and is 1.0 now");
        assertEquals(2, pretrain("--resume", run.toString(), "--recipe", "small"));
        assertSays("--recipe does not apply to --resume");
        assertEquals(
                2,
                pretrain(
                        "--resume",
                        run.toString(),
                        "--out",
                        dir.resolve("other").toString()));
        assertSays("are two runs; name one");
        assertEquals(2, pretrain("--out", run.toString(), "--data", data.toString(), "--data-changed"));
        assertSays("--data-changed applies to --resume alone");
        assertEquals(1, pretrain("--resume", dir.resolve("none").toString()));
        assertSays("holds no run: there is no settings.yaml in it");
        Files.writeString(run.resolve("settings.yaml"), "schedule: {");
        assertEquals(1, pretrain("--resume", run.toString()));
        assertSays("settings.yaml: cannot be read: line 1, column 12");
    }

    @Test
    void laterSettingsWin() throws IOException {
        Path file = file("schedule: {epochs: 30, baseLearningRate: 1e-3}");
        ObjectNode settings =
                dryRun("--recipe", "mae", "--settings", file.toString(), "--model", "ti8", "--epochs", "7");
        assertEquals(7, SettingTree.get(settings, "schedule.epochs").intValue());
        assertEquals(
                1e-3, SettingTree.get(settings, "schedule.baseLearningRate").doubleValue());
        assertEquals(512, SettingTree.get(settings, "schedule.batch").intValue());
        assertEquals("mae", SettingTree.get(settings, "model.objective.method").asText());
        assertEquals(8, SettingTree.get(settings, "model.trunk.patch").intValue());
        assertEquals(0.7, SettingTree.get(settings, "schedule.warmupEpochs").doubleValue(), 1e-12);
        // What a dry run prints is a file of settings.
        assertEquals(
                settings,
                dryRun(
                        "--settings",
                        Files.writeString(dir.resolve("printed.yaml"), out.toString())
                                .toString()));
        assertTrue(out.toString().contains("# learning rate: up to 0.0160 within 0.7"), out.toString());
        assertTrue(out.toString().contains("# data: 0 videos and 12 images"), out.toString());
        // A size that is named later is that of the whole model, as far as nothing is said of its parts.
        Path complete = Files.writeString(dir.resolve("complete.yaml"), out.toString());
        ObjectNode small = dryRun("--settings", complete.toString(), "--model", "s16", "--depth", "3");
        assertEquals(384, SettingTree.get(small, "model.trunk.dim").intValue());
        assertEquals(224, SettingTree.get(small, "model.trunk.height").intValue());
        assertEquals(3, SettingTree.get(small, "model.trunk.depth").intValue());
        assertEquals(7, SettingTree.get(small, "schedule.epochs").intValue());
        // A switch that a file turns on can be turned off.
        Path on = file("compute: {recompute: true}\nviews: {colour: false}");
        ObjectNode off = dryRun("--settings", on.toString(), "--recompute=false", "--no-colour=false");
        assertFalse(SettingTree.get(off, "compute.recompute").booleanValue());
        assertTrue(SettingTree.get(off, "views.colour").booleanValue());
        assertTrue(SettingTree.get(dryRun("--recompute"), "compute.recompute").booleanValue());
        // Of a stride and a length the later one counts.
        Path clips = file("views: {stride: 2}\nmodel: {objective: {method: st-mae}}");
        assertEquals(
                1,
                pretrain(
                        "--dry-run", "--settings", clips.toString(), "--clip-seconds", "2", "--data", data.toString()));
        assertSays("The method st-mae needs videos");
    }

    @Test
    void whatIsWrongInAFileIsNamed() throws IOException {
        Map<String, String> refused = new LinkedHashMap<>();
        refused.put("schedule: {epoch: 3}", "There is no setting 'schedule.epoch'; did you mean 'schedule.epochs'?");
        refused.put("epochs: 3", "There is no setting 'epochs'; did you mean 'schedule.epochs'?");
        refused.put("out: runs/x", "'out' is no setting of a run; give --out on the command line");
        refused.put("nonsense: 3", "There is no setting 'nonsense'; 'vicmae pretrain --dry-run' prints them all");
        refused.put("schedule: 3", "The value of 'schedule' is a group of settings, such as schedule.epochs");
        refused.put("schedule: {epochs: many}", "The epochs must be a whole number, not 'many'");
        refused.put("schedule: {epochs: [1]}", "The setting 'schedule.epochs' has one value, not [1]");
        refused.put("schedule: {epochs: null}", "The setting 'schedule.epochs' has one value, not null");
        refused.put("schedule: {epochs: 0}", "The epochs must be at least 1, not 0");
        refused.put("schedule: {decay: linear}", "There is no decay 'linear': use one of cosine, constant");
        refused.put("schedule: {cooldownEpochs: 1}", "--cooldown does not apply to --decay cosine");
        refused.put("compute: {recompute: yes}", "The setting recompute must be true or false, not 'yes'");
        refused.put("model: {size: xl9}", "There is no model 'xl9'");
        refused.put(
                "model: {objective: {method: mae, temperature: 1}}",
                "The setting model.objective.temperature does not apply to the method mae");
        refused.put(
                "checkpoints: {keepBest: acc}", "--keep-best wants one of loss, reconstruction, contrastive, not acc");
        refused.forEach((yaml, sentence) -> {
            try {
                assertTrue(
                        pretrain("--dry-run", "--settings", file(yaml).toString(), "--data", data.toString()) != 0,
                        yaml);
            } catch (IOException e) {
                throw new AssertionError(e);
            }
            assertSays(sentence);
        });
        assertEquals(
                1,
                pretrain(
                        "--settings",
                        dir.resolve("none.yaml").toString(),
                        "--out",
                        dir.resolve("run").toString()));
        assertSays("none.yaml: cannot be read: there is no such file");
        assertEquals(
                2,
                pretrain(
                        "--settings",
                        file("seed: 3").toString(),
                        "--out",
                        dir.resolve("run").toString()));
        assertSays("No data is given");
        assertFalse(Files.exists(dir.resolve("run")));
    }

    @Test
    void eachRecipeMakesARun() throws IOException {
        assertEquals(0, execute("recipes"));
        String list = out.toString();
        for (Recipe recipe : Recipe.all()) {
            assertTrue(list.contains(recipe.name() + " ") && list.contains(recipe.title()), list);
            assertTrue(recipe.source().length() > 20, recipe.name());
            ObjectNode data = SettingTree.empty();
            SettingTree.put(data, "data", List.of("x"));
            if (recipe.name().startsWith("finetune-")) {
                SettingTree.put(data, "model.objective.classes", List.of("a", "b"));
            }
            TrainSettings settings =
                    new SettingsBuilder().recipe(recipe.name()).add(data).build(Device.Kind.CPU);
            assertEquals(0, execute("recipes", recipe.name()), err.toString());
            Path printed = Files.writeString(dir.resolve(recipe.name()), out.toString());
            assertEquals(settings, new SettingsBuilder().file(printed).add(data).build(Device.Kind.CPU));
        }
        TrainSettings omni = recipe("omnimae");
        assertEquals(1.6e-3, omni.schedule().peakLearningRate(), 1e-12);
        assertEquals(40, omni.schedule().warmupEpochs(), 1e-12);
        TrainSettings release = recipe("release");
        assertEquals(4096, release.schedule().effectiveBatch());
        assertEquals(0.97, release.model().objective().weights(0, 10)[0]);
        TrainSettings paper = recipe("paper");
        assertEquals(512, paper.schedule().effectiveBatch());
        assertEquals(1024, paper.model().trunk().dim());
        assertEquals(2, execute("recipes", "best"));
        assertSays("There is no recipe 'best': use one of small, paper, release");
    }

    private static TrainSettings recipe(String name) {
        ObjectNode data = SettingTree.empty();
        SettingTree.put(data, "data", List.of("x"));
        return new SettingsBuilder().recipe(name).add(data).build(Device.Kind.CPU);
    }

    @Test
    void aDryRunSaysWhatIsMeasuredAndWhatThatTakes() throws IOException {
        String yaml = file(SMALL).toString();
        dryRun("--settings", yaml);
        String plain = out.toString();
        dryRun("--settings", yaml, "--monitor", data.toString());
        String monitored = out.toString();
        assertTrue(
                monitored.contains("# monitor: 12 labelled images of 2 classes, each half classified by the other"),
                monitored);
        assertTrue(monitored.lines().anyMatch(line -> line.matches("#   monitor +[0-9.]+ MiB")), monitored);
        assertFalse(plain.contains("# monitor"), plain);
        assertTrue(plain.contains("# warning: The learning rate peaks at"), plain);
        dryRun("--recipe", "small", "--epochs", "1000");
        assertFalse(out.toString().contains("# warning"), out.toString());
    }
}
