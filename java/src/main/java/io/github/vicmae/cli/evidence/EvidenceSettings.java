package io.github.vicmae.cli.evidence;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.LongStream;

/**
 * What a table is made from.
 *
 * @param train folder of the training samples, with a subfolder for each class
 * @param test folder of the test samples
 * @param quick whether everything is done once and in as few steps as possible, to see that it works
 * @param device as {@code --device} takes it; null for the best that there is
 */
public record EvidenceSettings(Path train, Path test, boolean quick, String device) {
    private static final int SEEDS = 3;

    /** Of the trainings that are repeated. */
    List<Long> seeds() {
        return LongStream.range(0, quick ? 1 : SEEDS).boxed().toList();
    }
}
