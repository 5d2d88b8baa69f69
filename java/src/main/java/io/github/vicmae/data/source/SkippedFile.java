package io.github.vicmae.data.source;

/**
 * A sample that could not be read.
 *
 * @param name its name in messages: for a file its path
 * @param reason a sentence that contains the name and the cause
 */
public record SkippedFile(String name, String reason) {}
