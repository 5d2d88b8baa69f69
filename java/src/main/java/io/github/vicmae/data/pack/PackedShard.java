package io.github.vicmae.data.pack;

import java.io.Serializable;
import java.util.List;

/**
 * A tar file that has been written.
 *
 * @param file its name
 * @param sha256 of its bytes, 64 hexadecimal digits
 * @param bytes its size
 * @param seconds of all videos in it
 * @param left samples that could not be read, with the reasons
 */
public record PackedShard(
        String file, String sha256, long bytes, int videos, int images, double seconds, List<String> left)
        implements Serializable {}
