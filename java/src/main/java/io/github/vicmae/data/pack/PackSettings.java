package io.github.vicmae.data.pack;

/**
 * How a data set is packed.
 *
 * @param shortSide pixels that the short side is shrunk to; smaller pictures stay as they are
 * @param quality of JPEG, 1 to 100
 * @param framesPerSecond of videos
 * @param clipSeconds videos longer than that are cut into clips of that length, each a sample of its own
 * @param samplesPerShard in one tar file
 */
public record PackSettings(
        int shortSide, int quality, double framesPerSecond, double clipSeconds, int samplesPerShard) {
    /** @throws IllegalArgumentException with one sentence, if a setting is refused */
    public PackSettings {
        if (shortSide < 1 || samplesPerShard < 1) {
            throw new IllegalArgumentException("The short side and the samples of a shard must be positive, not "
                    + shortSide + " and " + samplesPerShard);
        }
        if (quality < 1 || quality > 100) {
            throw new IllegalArgumentException("The JPEG quality must be 1 to 100, not " + quality);
        }
        if (!(clipSeconds > 0) || clipSeconds > 3600) {
            throw new IllegalArgumentException(
                    "A clip must have more than 0 and at most 3600 seconds, not " + clipSeconds);
        }
        if (!(framesPerSecond > 0) || framesPerSecond > 1000) {
            throw new IllegalArgumentException(
                    "The frames a second must be above 0 and at most 1000, not " + framesPerSecond);
        }
    }
}
