package io.github.vicmae.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.github.vicmae.objective.ModelConfig;
import io.github.vicmae.settings.SettingTree;
import io.github.vicmae.train.TrainSettings;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.MethodSource;

class SettingsFuzz {
    static Stream<byte[]> seeds() {
        return Stream.of(
                        SettingTree.defaults(TrainSettings.class).toString(),
                        SettingTree.defaults(ModelConfig.class).toString())
                .map(text -> text.getBytes(StandardCharsets.UTF_8));
    }

    /** A text is read in the forms that follow each other here, each of them by itself. */
    @MethodSource("seeds")
    @FuzzTest
    void isReadOrRefused(byte[] bytes) {
        String text = new String(bytes, StandardCharsets.UTF_8);
        List<ReaderContract.Reading> forms = List.of(
                file -> ModelConfig.ofJson(Files.readString(file)),
                file -> SettingTree.read(Files.readString(file), TrainSettings.class));
        forms.forEach(form -> ReaderContract.holds(text.getBytes(StandardCharsets.UTF_8), "fuzzed.json", form));
    }
}
