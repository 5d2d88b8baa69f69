package io.github.vicmae.device;

/** A mark in a stream: others can wait for it, and the time between two marks can be read. */
public interface Event extends AutoCloseable {
    /** Sets the mark behind everything given to the stream so far; an earlier mark is forgotten. */
    void record(Stream stream);

    /** Whether the stream has reached the mark; an event that was never set is reached. */
    boolean isReached();

    /** Waits until the stream has reached the mark. */
    void synchronize();

    /**
     * Device time between two marks that were both reached.
     *
     * @param start the earlier one, of the same device
     * @return milliseconds, with a resolution of about half a microsecond
     * @throws IllegalStateException if one was never set
     */
    double millisecondsSince(Event start);

    @Override
    void close();
}
