package io.github.vicmae.train;

/**
 * Whether and how a run goes on from a checkpoint in its folder.
 *
 * @param allowed whether it does; if not, a folder that holds a run is refused
 * @param dataChanged whether the data may be others than those that the run began with
 * @param fromStep the step whose checkpoint to take, or null for the newest
 */
public record Resume(boolean allowed, boolean dataChanged, Long fromStep) {
    /** A new run. */
    public static final Resume NEW = new Resume(false, false, null);

    /** From the newest checkpoint, if there is any, on the same data. */
    public static final Resume NEWEST = new Resume(true, false, null);
}
