package io.github.vicmae.device;

/** A recorded piece of a stream's work, to be given to the stream again and again; see {@link Stream#record}. */
public interface Graph extends AutoCloseable {
    /**
     * Gives the work to the stream.
     *
     * @throws DeviceException if the device refuses it
     */
    void launch();

    @Override
    void close();
}
