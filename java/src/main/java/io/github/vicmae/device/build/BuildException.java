package io.github.vicmae.device.build;

import io.github.vicmae.device.DeviceException;

/** A source does not compile; the message ends with what the compiler says. */
public final class BuildException extends DeviceException {
    private static final long serialVersionUID = 1;

    BuildException(String message) {
        super(message);
    }
}
