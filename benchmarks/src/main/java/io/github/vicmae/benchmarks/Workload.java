package io.github.vicmae.benchmarks;

/** What one row of a benchmark does, over and over. */
interface Workload extends AutoCloseable {
    /** Gives it to the device; on the CPU it is done when this returns. */
    void launch();

    /** Waits until all that was launched is done. */
    void synchronize();

    /** A result of the last launch; waits for it. */
    float[] result(String name);

    /** Bytes of memory that it holds on the device, or -1 where that cannot be told. */
    long memory();

    /** The time of so many launches one behind the other, in seconds: on a card between events. NaN where they do nothing on the device. */
    double deviceSeconds(int launches);

    @Override
    void close();
}
