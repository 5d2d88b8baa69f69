package io.github.vicmae.device.cpu;

import io.github.vicmae.device.JavaCppLimits;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.openblas.global.openblas_nolapack;
import org.lwjgl.system.JNI;
import org.lwjgl.system.MemoryUtil;

/**
 * OpenBLAS, if its library can be loaded. It is set to one thread: products are split over the kernels' own pool, so that two pools do not
 * fight for the same cores.
 *
 * @param sgemm the address of cblas_sgemm, or 0
 * @param state its version, or why it is missing
 */
record OpenBlas(long sgemm, String state) {
    static OpenBlas load() {
        JavaCppLimits.lift();
        try {
            Loader.load(openblas_nolapack.class);
            Pointer address = Loader.addressof("cblas_sgemm");
            if (address == null || address.isNull()) {
                return new OpenBlas(0, "OpenBLAS was loaded but has no cblas_sgemm");
            }
            openblas_nolapack.blas_set_num_threads(1);
            return new OpenBlas(address.address(), version());
        } catch (NoClassDefFoundError e) {
            return new OpenBlas(
                    0,
                    "OpenBLAS is not in this distribution (the jar org.bytedeco:openblas), own matrix product in use");
        } catch (LinkageError | RuntimeException e) {
            return new OpenBlas(0, "OpenBLAS could not be loaded (" + e.getMessage() + "), own matrix product in use");
        }
    }

    /** As in "0.3.30 DYNAMIC_ARCH NO_AFFINITY SkylakeX": its version, and how it was built. */
    private static String version() {
        Pointer config = Loader.addressof("openblas_get_config");
        return config == null || config.isNull()
                ? "of an unknown version"
                : MemoryUtil.memASCII(JNI.invokeP(config.address()))
                        .replaceFirst("^OpenBLAS ", "")
                        .strip();
    }
}
