package io.github.vicmae.data;

import java.util.Locale;

/** How the order of an epoch is drawn. */
public enum Shuffle {
    /** Every order of the samples is as likely as any other. */
    SAMPLES,
    /** The shards (tar files, folders of files) in random order, and their samples through a shuffle buffer. */
    SHARDS;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
