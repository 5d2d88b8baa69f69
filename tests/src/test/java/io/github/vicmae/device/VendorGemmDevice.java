package io.github.vicmae.device;

/**
 * A device with a library for matrix products, which a test brings, and with a clock that counts what was done: 10 milliseconds for a launch, and
 * for a product of the library what the test says.
 */
public final class VendorGemmDevice extends ForwardingDevice {
    private static final double LAUNCH = 10;

    /** The library: writes products or adds them. */
    public interface Library {
        void multiply(Product product);
    }

    private final double productMilliseconds;
    private Library library;
    private double clock;
    private int products;
    private boolean capturing;
    private boolean full;

    /**
     * @param inner closed with this one
     * @param productMilliseconds what a product of the library takes
     */
    public VendorGemmDevice(Device inner, double productMilliseconds) {
        super(inner);
        this.productMilliseconds = productMilliseconds;
    }

    /** Sets the library; products before that fail. */
    public void bring(Library brought) {
        library = brought;
    }

    /** How many products the library was asked for. */
    public int products() {
        return products;
    }

    /** Whether streams say that they record what they are given. */
    public void setCapturing(boolean value) {
        capturing = value;
    }

    /** Whether there is no memory left. */
    public void setFull(boolean value) {
        full = value;
    }

    @Override
    public Buffer allocate(String name, long bytes) {
        if (full) {
            throw new DeviceException("There is no room for " + name);
        }
        return super.allocate(name, bytes);
    }

    @Override
    public Stream newStream() {
        return new ForwardingStream(this, super.newStream()) {
            @Override
            protected void submit(Kernel launched, int gridX, int gridY, int gridZ, int threads, int sharedBytes) {
                clock += LAUNCH;
                super.submit(launched, gridX, gridY, gridZ, threads, sharedBytes);
            }

            @Override
            public boolean hasVendorGemm() {
                return true;
            }

            @Override
            public boolean isCapturing() {
                return capturing;
            }

            @Override
            public boolean multiply(Product product) {
                if (product.epilogue() != Epilogue.WRITE && product.epilogue() != Epilogue.ADD) {
                    return false;
                }
                products++;
                double before = clock;
                library.multiply(product);
                clock = before + productMilliseconds;
                return true;
            }
        };
    }

    @Override
    public Event newEvent() {
        return new CountingEvent();
    }

    private final class CountingEvent implements Event {
        private double at;

        @Override
        public void record(Stream stream) {
            at = clock;
        }

        @Override
        public boolean isReached() {
            return true;
        }

        @Override
        public void synchronize() {
            // What was counted is done.
        }

        @Override
        public double millisecondsSince(Event start) {
            return at - ((CountingEvent) start).at;
        }

        @Override
        public void close() {
            // It holds nothing.
        }
    }
}
