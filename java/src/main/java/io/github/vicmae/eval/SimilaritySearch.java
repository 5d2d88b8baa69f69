package io.github.vicmae.eval;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.Device;
import io.github.vicmae.device.Epilogue;
import io.github.vicmae.device.HostBuffer;
import io.github.vicmae.device.Product;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;
import io.github.vicmae.kernel.matmul.MatMul;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * The exact nearest neighbours by the device's matrix product. A product of floats is off by no more than a known margin, so the rows whose float
 * is within twice the margin of the k-th largest are all that can be among the k nearest; their similarities are then computed in double precision.
 */
final class SimilaritySearch implements AutoCloseable {
    /** Products that are on the device at once. */
    private static final int MOST_PRODUCTS = 32 << 20;

    private static final int MOST_QUERIES = 512;
    /** Floats that are uploaded at once. */
    private static final int MOST_UPLOADED = 16 << 20;

    private final UnitRows features;
    /** Asked at once. */
    private final int queries;

    private final Arena arena = new Arena("similarities");
    private final Stream stream;
    private final MatMul matMul;
    private final Product product = new Product();
    private final Tensor known;
    private final Tensor asked;
    private final Tensor similarities;
    private HostBuffer upload;
    private HostBuffer download;

    /**
     * Uploads the rows to search in.
     *
     * @param most queries that will be asked at most
     * @throws io.github.vicmae.device.DeviceException if the device has too little memory
     */
    SimilaritySearch(Device device, UnitRows features, int most) {
        this.features = features;
        int width = features.width();
        int fitting = Math.min(MOST_PRODUCTS / features.count(), MOST_UPLOADED / width);
        queries = Math.max(1, Math.min(Math.min(MOST_QUERIES, most), fitting));
        known = arena.floats("known", features.count(), width);
        asked = arena.floats("asked", queries, width);
        similarities = arena.floats("similarities", queries, features.count());
        stream = device.newStream();
        try {
            matMul = new MatMul(stream);
            arena.allocate(device);
            int rows = Math.max(queries, Math.min(features.count(), Math.max(1, MOST_UPLOADED / width)));
            upload = device.hostBuffer((long) rows * width * Float.BYTES);
            download = device.hostBuffer(similarities.bytes());
            for (int start = 0; start < features.count(); start += rows) {
                upload(known, features, start, Math.min(rows, features.count() - start), start);
            }
        } catch (RuntimeException | Error e) {
            Closing.after(e, this);
            throw e;
        }
    }

    private void upload(Tensor to, UnitRows rows, int start, int count, int at) {
        int width = rows.width();
        float[] values = new float[count * width];
        rows.write(start, count, values);
        upload.floats().put(0, values);
        stream.upload(to.slice("rows", (long) at * width, count, width), upload, 0);
        stream.synchronize();
    }

    /**
     * Finds the k nearest rows of each query. The consumer is called from several threads, once for each query.
     *
     * @param k at most the number of rows
     */
    void forEach(UnitRows all, int k, Found found) {
        int count = features.count();
        for (int start = 0; start < all.count(); start += queries) {
            int part = Math.min(queries, all.count() - start);
            upload(asked, all, start, part, 0);
            product.of(asked.slice("asked", 0, part, all.width()), false, known, true, part, count, all.width())
                    .to(Epilogue.WRITE, similarities.slice("similarities", 0, part, count));
            matMul.multiply(product);
            stream.download(download, 0, similarities.slice("similarities", 0, part, count));
            stream.synchronize();
            int from = start;
            FloatBuffer floats = download.floats();
            IntStream.range(0, part)
                    .parallel()
                    .forEach(i -> found.accept(from + i, nearest(all.row(from + i), floats, i * count, k)));
        }
    }

    /** Takes the neighbours of one query. */
    @FunctionalInterface
    interface Found {
        void accept(int query, Neighbours nearest);
    }

    private Neighbours nearest(double[] query, FloatBuffer products, int offset, int k) {
        float[] row = new float[features.count()];
        products.get(offset, row);
        float least = kthLargest(row, k) - 2 * margin();
        Neighbours nearest = new Neighbours(k);
        for (int i = 0; i < row.length; i++) {
            if (row[i] >= least) {
                nearest.offer(i, features.similarity(i, query));
            }
        }
        return nearest;
    }

    /**
     * How far a product of unit vectors in floats can be from the true one, in whatever order it is summed (Higham, Accuracy and Stability of
     * Numerical Algorithms, 3.1), with the rounding of the vectors themselves and some to spare.
     */
    private float margin() {
        return (features.width() + 16) * 0x1p-24f;
    }

    /** The k-th largest value: a heap of the k largest so far, whose least value nearly all others fail to reach. */
    private static float kthLargest(float[] values, int k) {
        float[] heap = Arrays.copyOf(values, k);
        Arrays.sort(heap); // ascending: a heap
        for (int i = k; i < values.length; i++) {
            float value = values[i];
            if (value > heap[0]) {
                int at = 0;
                for (int child = 1; child < k; child = 2 * at + 1) {
                    child += child + 1 < k && heap[child + 1] < heap[child] ? 1 : 0;
                    if (heap[child] >= value) {
                        break;
                    }
                    heap[at] = heap[child];
                    at = child;
                }
                heap[at] = value;
            }
        }
        return heap[0];
    }

    @Override
    public void close() {
        Closing.all(stream, upload, download, arena);
    }
}
