package io.github.vicmae.device;

/** Closes several resources where one of them may fail: the others are closed all the same, and the first failure is the one that is told. */
public final class Closing {
    private Closing() {}

    /**
     * Gives back what a constructor had taken when it failed half-way. What goes wrong here is added to the failure as suppressed.
     *
     * @param taken in the order in which to close them; nulls, for what was not taken yet, are left out
     */
    public static void after(Throwable failure, AutoCloseable... taken) {
        for (AutoCloseable resource : taken) {
            Throwable e = tryClose(resource);
            if (e != null && e != failure) {
                failure.addSuppressed(e);
            }
        }
    }

    /**
     * Closes all, in the given order; nulls are left out. None of them may throw a checked exception.
     *
     * @throws RuntimeException the first failure, with the later ones as suppressed; an {@link Error} likewise
     */
    public static void all(AutoCloseable... resources) {
        Throwable first = null;
        for (AutoCloseable resource : resources) {
            Throwable e = tryClose(resource);
            if (first == null) {
                first = e;
            } else if (e != null && e != first) {
                first.addSuppressed(e);
            }
        }
        if (first instanceof Error error) {
            throw error;
        }
        if (first instanceof RuntimeException failure) {
            throw failure;
        }
        if (first != null) {
            throw new IllegalStateException("A resource could not be closed: " + first, first);
        }
    }

    private static Throwable tryClose(AutoCloseable resource) {
        try {
            if (resource != null) {
                resource.close();
            }
            return null;
        } catch (Throwable e) {
            return e;
        }
    }
}
