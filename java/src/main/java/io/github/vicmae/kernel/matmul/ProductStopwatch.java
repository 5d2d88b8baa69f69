package io.github.vicmae.kernel.matmul;

import io.github.vicmae.device.Arena;
import io.github.vicmae.device.Closing;
import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.Epilogue;
import io.github.vicmae.device.Event;
import io.github.vicmae.device.Product;
import io.github.vicmae.device.Stream;
import io.github.vicmae.device.Tensor;

/** Times a product by the device's clock. Results go to separate memory that is never read. */
final class ProductStopwatch implements FasterProduct.Stopwatch, AutoCloseable {
    private static final int WARM_UP = 2;
    private static final int RUNS = 5;

    /** Makes the product in one of the ways; false if it cannot be made so. */
    interface Maker {
        boolean make(FasterProduct.Way way, Product product);
    }

    private final Stream stream;
    private final Maker maker;
    private final Arena arena = new Arena("results of timed matrix products");
    private final Product timed = new Product();
    private final Event start;
    private final Event end;

    /**
     * @param product what it writes is replaced by tensors of the same size, what it only reads is read
     * @throws DeviceException if there is no memory for that
     */
    ProductStopwatch(Stream stream, Product product, Maker maker) {
        this.stream = stream;
        this.maker = maker;
        Epilogue epilogue = product.epilogue();
        Tensor c = like("timed result", product.c());
        Tensor bias = epilogue == Epilogue.ADD_ROW_SUMS ? like("timed row sums", product.bias()) : product.bias();
        Tensor other = epilogue == Epilogue.BIAS_GELU ? like("timed other", product.other()) : product.other();
        timed.sameOperandsAs(product).to(epilogue, c, bias, other).factors(product.factors(), product.rowsPerFactor());
        arena.allocate(stream.device());
        Event first = null;
        try {
            arena.tensors().forEach(stream::zero); // some are added to
            first = stream.device().newEvent();
            end = stream.device().newEvent();
        } catch (RuntimeException | Error e) {
            Closing.after(e, stream::synchronize, first, arena);
            throw e;
        }
        start = first;
    }

    private Tensor like(String name, Tensor tensor) {
        return arena.tensor(name, tensor.dtype(), tensor.shape());
    }

    @Override
    public double milliseconds(FasterProduct.Way way) {
        try {
            for (int i = 0; i < WARM_UP; i++) {
                if (!maker.make(way, timed)) {
                    return Double.POSITIVE_INFINITY;
                }
            }
            start.record(stream);
            for (int i = 0; i < RUNS; i++) {
                maker.make(way, timed);
            }
            end.record(stream);
            end.synchronize();
            return end.millisecondsSince(start) / RUNS;
        } catch (DeviceException e) {
            if (way == FasterProduct.Way.OWN || stream.device().isLost()) {
                throw e;
            }
            return Double.POSITIVE_INFINITY; // a library that refuses a product
        }
    }

    @Override
    public void close() {
        Closing.all(stream::synchronize, end, start, arena);
    }
}
