package io.github.vicmae.device;

/** A device could not do what it was asked: the message says which call answered what, and what can be done about it. */
public class DeviceException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public DeviceException(String message) {
        super(message);
    }

    public DeviceException(String message, Throwable cause) {
        super(message, cause);
    }
}
