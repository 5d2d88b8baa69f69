package io.github.vicmae.data.inspect;

import io.github.vicmae.data.source.Sample;

/**
 * What one sample is like.
 *
 * @param width columns, as it is seen: after rotation; 0 if unknown
 * @param height rows, as it is seen
 * @param seconds length of a video; NaN of an image, or if unknown
 * @param rate frames a second on average; NaN likewise
 * @param frames number of frames; 1 of an image, 0 if unknown
 * @param problem why it cannot be read, or what of it cannot; null if it is whole
 */
public record FileFacts(
        Sample sample, int width, int height, double seconds, double rate, long frames, String problem) {
    /** Of a sample that cannot be opened. */
    static FileFacts unreadable(Sample sample, String problem) {
        return new FileFacts(sample, 0, 0, Double.NaN, Double.NaN, 0, problem);
    }

    /** Whether training can take it: it has a picture. */
    public boolean isReadable() {
        return width > 0;
    }
}
