package io.github.vicmae.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Debian's Chromium without a window. */
public final class Browser {
    private Browser() {}

    /**
     * Returns a page's document after its scripts have run; fails if the browser's console has messages, and skips the calling test if there
     * is no browser.
     *
     * @param scratch a folder for the browser's files
     */
    public static String open(Path page, Path scratch) throws IOException, InterruptedException {
        Path browser = Path.of("/usr/bin/chromium");
        assumeTrue(Files.isExecutable(browser), "/usr/bin/chromium is missing; Debian's package chromium has it.");
        File dom = scratch.resolve("dom.html").toFile();
        File log = scratch.resolve("console.txt").toFile();
        Process process = new ProcessBuilder(
                        browser.toString(),
                        "--headless",
                        "--no-sandbox",
                        "--disable-gpu",
                        "--disable-background-networking",
                        "--user-data-dir=" + scratch.resolve("profile"),
                        "--enable-logging=stderr",
                        "--v=0",
                        "--dump-dom",
                        page.toUri().toString())
                .redirectOutput(dom)
                .redirectError(log)
                .start();
        if (!process.waitFor(2, TimeUnit.MINUTES)) {
            process.destroyForcibly();
            throw new IOException("Chromium has not ended.");
        }
        String console = Files.readString(log.toPath(), StandardCharsets.ISO_8859_1);
        List<String> messages =
                console.lines().filter(line -> line.contains("CONSOLE")).toList();
        assertEquals(List.of(), messages);
        return Files.readString(dom.toPath());
    }
}
