package io.github.vicmae.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** The launcher prints the help from files, before anything is built or fetched. */
class HelpTest {
    @ParameterizedTest
    @ValueSource(strings = {"jmh", "results"})
    void theFileIsWhatTheCommandSays(String command) throws IOException {
        Path file = Path.of("src", "main", "help", command + ".txt");
        String help = Main.commandLine(new String[] {command}).getUsageMessage(CommandLine.Help.Ansi.OFF);
        Path found = Files.createDirectories(Path.of("target", "help")).resolve(command + ".txt");
        Files.writeString(found, help);
        assertEquals(
                help,
                Files.exists(file) ? Files.readString(file) : "",
                "benchmarks/" + file + " is not what the command says; copy it from benchmarks/" + found);
    }
}
