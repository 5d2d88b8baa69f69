package io.github.vicmae.data.source;

/**
 * A sample that could not be read.
 *
 * @param name what messages call it: for a file its path
 * @param reason a sentence that has the name and what is wrong with it
 */
public record SkippedFile(String name, String reason) {}
