package io.github.vicmae.data.source;

import java.nio.file.Path;

/**
 * One video or image of a data set.
 *
 * @param label number of its class, -1 if it has none
 * @param index its place in the data set, from 0
 */
public record Sample(Path path, Kind kind, int label, int index) {
    public boolean isVideo() {
        return kind == Kind.VIDEO;
    }
}
