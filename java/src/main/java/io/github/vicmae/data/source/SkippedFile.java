package io.github.vicmae.data.source;

import java.nio.file.Path;

/**
 * A file that could not be used.
 *
 * @param reason a sentence that names the path and what is wrong with it
 */
public record SkippedFile(Path path, String reason) {}
