package io.github.vicmae.device.build;

import io.github.vicmae.device.DeviceException;
import java.nio.ByteBuffer;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.lwjgl.PointerBuffer;
import org.lwjgl.system.APIUtil;
import org.lwjgl.system.JNI;
import org.lwjgl.system.MemoryStack;
import org.lwjgl.system.MemoryUtil;
import org.lwjgl.system.SharedLibrary;

/**
 * NVIDIA's compiler as a library: PTX without nvcc and without a C++ compiler. It needs neither a card nor a driver. What it knows besides the
 * language are the headers of this library and the few of C's in cuda/nvrtc. NVRTC documentation, docs.nvidia.com/cuda/nvrtc.
 */
final class Nvrtc {
    /** The system property that names the library's file; {@code off} for none. Without it the loader's folders are searched. */
    static final String PROPERTY = "vicmae.nvrtc";

    private static final List<String> USUAL = List.of("libnvrtc.so.13", "libnvrtc.so.12");
    private static final int SUCCESS = 0;
    private static final int COMPILATION = 6;

    private final SharedLibrary library;

    private Nvrtc(SharedLibrary library) {
        this.library = library;
    }

    /** What is to be tried, in this order. */
    static List<String> usual() {
        String property = System.getProperty(PROPERTY);
        if (property == null) {
            return USUAL;
        }
        return property.equals("off") ? List.of() : List.of(property);
    }

    /**
     * The first of these that can be loaded, or null. It stays loaded.
     *
     * @param libraries sonames or files
     */
    static Nvrtc first(List<String> libraries) {
        for (String name : libraries) {
            try {
                return new Nvrtc(APIUtil.apiCreateLibrary(name));
            } catch (LinkageError e) {
                // The next one, then.
            }
        }
        return null;
    }

    /**
     * Compiles a source.
     *
     * @param file named in what the compiler says
     * @param folders where included files are looked for, in this order
     * @param architecture as in compute_80
     * @return the PTX, in ISO 8859-1
     * @throws BuildException if it does not compile
     * @throws DeviceException if the library is none, or fails
     */
    String ptx(Path file, String text, List<Path> folders, String architecture) {
        // Lambdas and functions without a mark are the device's: there is no host.
        List<String> options = new ArrayList<>(List.of(
                "--gpu-architecture=" + architecture,
                "--std=c++17",
                "--device-as-default-execution-space",
                "--extra-device-vectorization"));
        folders.forEach(folder -> options.add("--include-path=" + folder.toAbsolutePath()));
        ByteBuffer source = MemoryUtil.memUTF8(text);
        try (MemoryStack stack = MemoryStack.stackPush()) {
            PointerBuffer program = stack.mallocPointer(1);
            check(
                    JNI.invokePPPPPI(
                            program.address(),
                            MemoryUtil.memAddress(source),
                            MemoryUtil.memAddress(stack.UTF8(file.toString())),
                            0,
                            MemoryUtil.NULL,
                            MemoryUtil.NULL,
                            function("nvrtcCreateProgram")),
                    "nvrtcCreateProgram");
            try {
                compile(file, program.get(0), options);
                return answer(program.get(0), "nvrtcGetPTX", StandardCharsets.ISO_8859_1);
            } finally {
                JNI.invokePI(program.address(), function("nvrtcDestroyProgram"));
            }
        } finally {
            MemoryUtil.memFree(source);
        }
    }

    private void compile(Path file, long program, List<String> options) {
        List<ByteBuffer> texts = options.stream().map(MemoryUtil::memUTF8).toList();
        try (MemoryStack stack = MemoryStack.stackPush()) {
            PointerBuffer array = stack.mallocPointer(texts.size());
            texts.forEach(t -> array.put(MemoryUtil.memAddress(t)));
            int result = JNI.invokePPI(program, texts.size(), array.address0(), function("nvrtcCompileProgram"));
            if (result == COMPILATION) {
                throw new BuildException(file + " does not compile:\n"
                        + answer(program, "nvrtcGetProgramLog", StandardCharsets.UTF_8)
                                .strip());
            }
            check(result, "nvrtcCompileProgram(" + String.join(" ", options) + ")");
        } finally {
            texts.forEach(MemoryUtil::memFree);
        }
    }

    /** A text whose length another function of the library says, with the terminating zero. */
    private String answer(long program, String call, Charset charset) {
        long length;
        try (MemoryStack stack = MemoryStack.stackPush()) {
            PointerBuffer size = stack.callocPointer(1);
            check(JNI.invokePPI(program, size.address(), function(call + "Size")), call + "Size");
            length = size.get(0);
        }
        ByteBuffer text = MemoryUtil.memCalloc(Math.toIntExact(length) + 1);
        try {
            check(JNI.invokePPI(program, MemoryUtil.memAddress(text), function(call)), call);
            byte[] bytes = new byte[MemoryUtil.memLengthNT1(text)];
            text.get(bytes);
            return new String(bytes, charset);
        } finally {
            MemoryUtil.memFree(text);
        }
    }

    private long function(String name) {
        long address = library.getFunctionAddress(name);
        if (address == MemoryUtil.NULL) {
            throw new DeviceException(library.getName() + " is no NVRTC: it has no function " + name + "; -D" + PROPERTY
                    + " names another, or is off");
        }
        return address;
    }

    private void check(int result, String call) {
        if (result != SUCCESS) {
            long words = JNI.invokeP(result, function("nvrtcGetErrorString"));
            throw new DeviceException(call + " answered " + MemoryUtil.memUTF8(words));
        }
    }
}
