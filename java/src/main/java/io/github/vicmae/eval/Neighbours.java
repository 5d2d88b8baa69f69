package io.github.vicmae.eval;

import java.util.Arrays;

/** The rows of the highest similarity among those that were offered, the nearest first; of equal ones the row offered first is nearer. */
final class Neighbours {
    private final double[] similarity;
    private final int[] index;
    private int count;

    /** @param k how many are kept at most */
    Neighbours(int k) {
        similarity = new double[k];
        index = new int[k];
        Arrays.fill(similarity, Double.NEGATIVE_INFINITY);
    }

    void offer(int row, double s) {
        int k = similarity.length;
        if (!(s > similarity[k - 1])) {
            return;
        }
        int at = k - 1;
        for (; at > 0 && s > similarity[at - 1]; at--) {
            similarity[at] = similarity[at - 1];
            index[at] = index[at - 1];
        }
        similarity[at] = s;
        index[at] = row;
        count = Math.min(count + 1, k);
    }

    int count() {
        return count;
    }

    int index(int place) {
        return index[place];
    }

    double similarity(int place) {
        return similarity[place];
    }
}
