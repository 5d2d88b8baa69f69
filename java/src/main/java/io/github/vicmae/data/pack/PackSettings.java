package io.github.vicmae.data.pack;

/**
 * How a data set is packed.
 *
 * @param shortSide pixels that the short side is shrunk to; smaller pictures stay as they are
 * @param quality of JPEG, 1 to 100
 * @param framesPerSecond of videos
 * @param samplesPerShard in one tar file
 */
public record PackSettings(int shortSide, int quality, double framesPerSecond, int samplesPerShard) {
    /** @throws IllegalArgumentException with one sentence, if a setting is refused */
    public PackSettings {
        if (shortSide < 1 || samplesPerShard < 1) {
            throw new IllegalArgumentException("The short side and the samples of a shard must be positive, not "
                    + shortSide + " and " + samplesPerShard);
        }
        if (quality < 1 || quality > 100) {
            throw new IllegalArgumentException("The JPEG quality must be 1 to 100, not " + quality);
        }
        if (!(framesPerSecond > 0) || framesPerSecond > 1000) {
            throw new IllegalArgumentException(
                    "The frames a second must be above 0 and at most 1000, not " + framesPerSecond);
        }
    }
}
