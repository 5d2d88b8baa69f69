package io.github.vicmae.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class PeersTest {
    private static final String PARSE = "import ast, sys\nfor name in sys.argv[1:]: ast.parse(open(name).read(), name)";

    /** The scripts that measure PyTorch are Python; they run where PyTorch is, this only reads them. */
    @Test
    void theScriptsAreRead() throws Exception {
        Path peers = Path.of("peers");
        List<String> command = new ArrayList<>(List.of("python3", "-c", PARSE));
        try (var files = Files.list(peers)) {
            files.map(Path::toString).filter(f -> f.endsWith(".py")).forEach(command::add);
        }
        Process process;
        try {
            process = new ProcessBuilder(command).redirectErrorStream(true).start();
        } catch (IOException e) {
            assumeTrue(false, "no python3 is here: " + e.getMessage());
            return;
        }
        String said = new String(process.getInputStream().readAllBytes());
        assertEquals(0, process.waitFor(), said);
    }
}
