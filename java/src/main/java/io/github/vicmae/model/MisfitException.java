package io.github.vicmae.model;

import java.io.IOException;

/** A checkpoint's tensors are not those of the model; the message lists the differences. */
public final class MisfitException extends IOException {
    private static final long serialVersionUID = 1;

    MisfitException(String message) {
        super(message);
    }
}
