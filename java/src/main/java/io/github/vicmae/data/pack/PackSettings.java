package io.github.vicmae.data.pack;

import java.io.Serializable;

/**
 * How a data set is packed.
 *
 * @param clips whether videos are encoded anew as short clips, instead of as a JPEG for each frame
 * @param shortSide pixels that the short side is shrunk to; smaller pictures stay as they are
 * @param quality of JPEG, 1 to 100
 * @param quantiser of clips, MPEG-4's, 1 (best) to 31
 * @param framesPerSecond of videos; 0 for each video's own rate, which only clips may keep
 * @param clipSeconds videos longer than that are cut into clips of that length, each a sample of its own; the last one has half to one and a half of it
 * @param samplesPerShard in one tar file
 */
public record PackSettings(
        boolean clips,
        int shortSide,
        int quality,
        int quantiser,
        double framesPerSecond,
        double clipSeconds,
        int samplesPerShard)
        implements Serializable {
    /** @throws IllegalArgumentException with one sentence, if a setting is refused */
    public PackSettings {
        if (shortSide < 1 || samplesPerShard < 1) {
            throw new IllegalArgumentException("The short side and the samples of a shard must be positive, not "
                    + shortSide + " and " + samplesPerShard);
        }
        if (quality < 1 || quality > 100) {
            throw new IllegalArgumentException("The JPEG quality must be 1 to 100, not " + quality);
        }
        if (quantiser < 1 || quantiser > 31) {
            throw new IllegalArgumentException("The quantiser must be 1 to 31, not " + quantiser);
        }
        if (!(clipSeconds > 0) || clipSeconds > 3600) {
            throw new IllegalArgumentException(
                    "A clip must have more than 0 and at most 3600 seconds, not " + clipSeconds);
        }
        boolean own = clips && framesPerSecond == 0;
        if (!own && (!(framesPerSecond > 0) || framesPerSecond > 1000 || clips && framesPerSecond < 1)) {
            throw new IllegalArgumentException("The frames a second must be " + (clips ? "at least 1" : "above 0")
                    + " and at most 1000, not " + framesPerSecond);
        }
    }

    /** Videos as frames. */
    public static PackSettings frames(
            int shortSide, int quality, double framesPerSecond, double clipSeconds, int samplesPerShard) {
        return new PackSettings(false, shortSide, quality, 1, framesPerSecond, clipSeconds, samplesPerShard);
    }
}
