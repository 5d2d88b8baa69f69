package io.github.vicmae.device;

/** A device or the host has no room left for what was asked; with less of it, the same call could go well. */
public class DeviceMemoryException extends DeviceException {
    private static final long serialVersionUID = 1L;

    public DeviceMemoryException(String message) {
        super(message);
    }
}
