package io.github.vicmae.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.github.vicmae.data.source.Dataset;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.MethodSource;

class JsonListFuzz {
    static Stream<byte[]> seeds() {
        return Stream.of("[{\"id\": \"78687\", \"template\": \"Holding [something]\"}, {\"id\": 1}]", """
                        {"path": "a/1.jpg", "label": 4}
                        {"file_name": "../b.mp4", "class": "dog"}
                        {"caption": null, "image": "\\u00e9.png"}
                        """)
                .map(text -> text.getBytes(StandardCharsets.UTF_8));
    }

    @MethodSource("seeds")
    @FuzzTest
    void isReadOrRefused(byte[] bytes) {
        ReaderContract.assertHolds(bytes, "fuzzed.json", file -> {
            Dataset data = Dataset.scan(List.of(file));
            data.fingerprint();
            data.report().sentences();
        });
    }
}
