package io.github.vicmae.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.github.vicmae.data.source.Dataset;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.MethodSource;

class ListFuzz {
    static Stream<byte[]> seeds() {
        return Stream.of(
                        "v/a.mp4 3\nv/a.mp4 0 17\nv/a b.mp4 riding a bike\n# none\nv/a.mp4,\"a \"\"b\"\", c\"\n",
                        ",video,split,label\n0,v/a.mp4,train,cat\n1,\"v/b,c.mp4\",train,\"big\ndog\"\n",
                        "label;path\r\ncat;../a.mp4\r\n",
                        "\uFEFFfilename\twho\n/v/\u00e9.mp4\t7\n",
                        "label,youtube_id,time_start,time_end,split,is_cc\nabseiling,-3B32lodo2M,59,69,train,0\n")
                .map(text -> text.getBytes(StandardCharsets.UTF_8));
    }

    @MethodSource("seeds")
    @FuzzTest
    void isReadOrRefused(byte[] bytes) {
        ReaderContract.assertHolds(bytes, "fuzzed.csv", file -> {
            Dataset data = Dataset.scan(List.of(file));
            data.fingerprint();
            data.report().sentences();
        });
    }
}
