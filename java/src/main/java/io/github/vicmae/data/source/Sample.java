package io.github.vicmae.data.source;

/**
 * One video or image of a data set.
 *
 * @param id names it within the data set, the same on every machine: a path relative to its folder or list, with slashes
 * @param content its bytes
 * @param kind what they are
 * @param className its class, or null if it has none
 * @param label number of its class in {@link Dataset#classNames()}, -1 if it has none
 * @param index its place in the data set, from 0
 */
public record Sample(String id, Content content, Kind kind, String className, int label, int index) {
    public boolean isVideo() {
        return kind == Kind.VIDEO;
    }

    /** Its name in messages and reports, on one line: for a file its path. */
    public String name() {
        return content.name();
    }

    /** The last part of its id, on one line. */
    public String shortName() {
        return FileNames.printable(id.substring(id.lastIndexOf('/') + 1));
    }
}
