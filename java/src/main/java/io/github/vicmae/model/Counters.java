package io.github.vicmae.model;

import java.util.ArrayList;
import java.util.List;

/** Whole numbers that a model counts as it is trained and that its checkpoint keeps, such as BatchNorm's num_batches_tracked. */
public final class Counters {
    private final List<String> names = new ArrayList<>();
    private long[] counts = new long[0];

    /** Adds a counter that starts at 0. */
    public void declare(String name) {
        names.add(name);
        counts = new long[names.size()];
    }

    /** The names, in the order of their declaration. */
    public List<String> names() {
        return List.copyOf(names);
    }

    /** Adds to those whose names begin with {@code prefix}. */
    public void add(String prefix, long count) {
        for (int i = 0; i < counts.length; i++) {
            counts[i] += names.get(i).startsWith(prefix) ? count : 0;
        }
    }

    /**
     * @throws IllegalArgumentException if there is no such counter
     */
    public long get(String name) {
        return counts[index(name)];
    }

    /**
     * @throws IllegalArgumentException if there is no such counter
     */
    public void set(String name, long count) {
        counts[index(name)] = count;
    }

    private int index(String name) {
        int index = names.indexOf(name);
        if (index < 0) {
            throw new IllegalArgumentException("There is no counter '" + name + "' among " + names);
        }
        return index;
    }
}
