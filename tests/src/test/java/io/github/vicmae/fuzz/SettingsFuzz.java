package io.github.vicmae.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.github.vicmae.device.Device;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.settings.SettingTree;
import io.github.vicmae.settings.SettingYaml;
import io.github.vicmae.train.SettingsBuilder;
import io.github.vicmae.train.TrainSettings;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.MethodSource;

class SettingsFuzz {
    static Stream<byte[]> seeds() {
        return Stream.of(
                        SettingTree.defaults(TrainSettings.class).toString(),
                        SettingTree.defaults(ModelConfig.class).toString(),
                        SettingYaml.write(SettingTree.defaults(TrainSettings.class)))
                .map(text -> text.getBytes(StandardCharsets.UTF_8));
    }

    /** A text is read in the forms that follow each other here, each of them by itself. */
    @MethodSource("seeds")
    @FuzzTest
    void isReadOrRefused(byte[] bytes) {
        String text = new String(bytes, StandardCharsets.UTF_8);
        List<ReaderContract.Reading> forms = List.of(
                file -> ModelConfig.ofJson(Files.readString(file)),
                file -> SettingTree.read(Files.readString(file), TrainSettings.class),
                file -> SettingYaml.read(Files.readString(file)),
                SettingsFuzz::build);
        forms.forEach(form -> ReaderContract.assertHolds(text.getBytes(StandardCharsets.UTF_8), "fuzzed.json", form));
    }

    private static void build(Path file) throws IOException {
        try {
            new SettingsBuilder().file(file).build(Device.Kind.CPU);
        } catch (IllegalArgumentException e) {
            throw new IOException(e.getMessage(), e); // how settings are refused
        }
    }
}
