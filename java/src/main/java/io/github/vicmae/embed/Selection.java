package io.github.vicmae.embed;

import java.io.IOException;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Files out of several tables in an order of their own. Closing it closes no table. */
public final class Selection implements EmbeddingTable {
    private final EmbeddingSettings settings;
    private final List<EmbeddedFile> files = new ArrayList<>();
    /** Where the rows lie, by the first of them in this table. */
    private final TreeMap<Long, Place> places = new TreeMap<>();

    private long rows;

    /**
     * Rows that lie one behind the other.
     *
     * @param row in the table
     */
    private record Place(EmbeddingTable table, long row) {}

    /** Files of a table by their paths; of one that is there twice the last. */
    static final class ByPath {
        private final EmbeddingTable table;
        private final Map<String, Integer> index = new HashMap<>();
        private final long[] firstRow;

        ByPath(EmbeddingTable table) {
            this.table = table;
            List<EmbeddedFile> all = table.files();
            firstRow = new long[all.size()];
            long row = 0;
            for (int i = 0; i < firstRow.length; i++) {
                firstRow[i] = row;
                row += all.get(i).rows();
                index.put(all.get(i).path(), i);
            }
        }

        /** The file of a path, or null. */
        EmbeddedFile get(String path) {
            Integer at = index.get(path);
            return at == null ? null : table.files().get(at);
        }
    }

    Selection(EmbeddingSettings settings) {
        this.settings = settings;
    }

    /**
     * Adds a file of a table.
     *
     * @param shown what is said of it, if that has changed since; its rows are the table's
     */
    void add(ByPath from, String path, EmbeddedFile shown) {
        long row = from.firstRow[from.index.get(path)];
        files.add(shown);
        if (shown.rows() > 0) {
            Map.Entry<Long, Place> last = places.lastEntry();
            boolean isNext = last != null
                    && last.getValue().table == from.table
                    && last.getValue().row + rows - last.getKey() == row;
            if (!isNext) {
                places.put(rows, new Place(from.table, row));
            }
            rows += shown.rows();
        }
    }

    @Override
    public EmbeddingSettings settings() {
        return settings;
    }

    @Override
    public List<EmbeddedFile> files() {
        return files;
    }

    @Override
    public long rows() {
        return rows;
    }

    @Override
    public void read(long first, int count, FloatBuffer out) throws IOException {
        int width = settings.width();
        for (int done = 0; done < count; ) {
            Map.Entry<Long, Place> place = places.floorEntry(first + done);
            Long next = places.higherKey(first + done);
            int some = (int) Math.min(count - done, (next == null ? rows : next) - first - done);
            FloatBuffer part = out.slice(done * width, some * width);
            place.getValue().table.read(place.getValue().row + first + done - place.getKey(), some, part);
            done += some;
        }
    }

    @Override
    public void close() {
        // the tables stay their owners'
    }
}
