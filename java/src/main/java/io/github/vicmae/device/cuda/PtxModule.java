package io.github.vicmae.device.cuda;

import io.github.vicmae.device.DeviceException;
import io.github.vicmae.device.KernelParameters;
import io.github.vicmae.device.KernelParameters.Parameter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** The kernels of a module's PTX text and their parameters (PTX ISA, "Kernel and Function Directives: .entry"). Bodies are passed over. */
final class PtxModule {
    private final String file;
    private final Map<String, KernelParameters> kernels = new TreeMap<>();

    private PtxModule(String file) {
        this.file = file;
    }

    /**
     * Reads a module.
     *
     * @param file its name in messages, as in {@code layer_norm.ptx}
     * @throws DeviceException if a kernel's parameter list cannot be read
     */
    static PtxModule parse(String file, String text) {
        PtxModule module = new PtxModule(file);
        PtxTokens tokens = new PtxTokens(text);
        for (String token = tokens.next(); token != null; token = tokens.next()) {
            if (token.equals(".entry")) {
                module.entry(tokens);
            }
        }
        return module;
    }

    /** The kernels' names, sorted. */
    Set<String> names() {
        return Collections.unmodifiableSet(kernels.keySet());
    }

    /**
     * Compares a kernel's parameters with what Java asks for.
     *
     * @throws DeviceException if the module has no such kernel, or it takes others
     */
    void check(String name, String signature) {
        KernelParameters parameters = kernels.get(name);
        if (parameters == null) {
            throw new DeviceException(file + " has no kernel '" + name + "', it has "
                    + (kernels.isEmpty() ? "none at all" : String.join(", ", names()))
                    + ". Change the name in Java, or build anew if the kernel is in the source");
        }
        parameters.check(name, file, signature);
    }

    private void entry(PtxTokens tokens) {
        String name = tokens.next();
        if (name == null || !Character.isJavaIdentifierStart(name.charAt(0)) && name.charAt(0) != '%') {
            throw unreadable("an .entry", "a name", name);
        }
        List<Parameter> parameters = new ArrayList<>();
        if ("(".equals(tokens.peek())) {
            tokens.next();
            if (")".equals(tokens.peek())) {
                tokens.next();
            } else {
                String end = ",";
                while (end.equals(",")) {
                    end = parameter(name, tokens, parameters);
                }
            }
        }
        kernels.put(name, new KernelParameters(parameters));
    }

    /** Reads {@code .param [.align N] TYPE [.ptr [SPACE] [.align N]] NAME [ [N] ]} and what comes after it: a comma or the list's end. */
    private String parameter(String kernel, PtxTokens tokens, List<Parameter> parameters) {
        String where = "parameter " + (parameters.size() + 1) + " of " + kernel;
        String first = tokens.next();
        if (!".param".equals(first)) {
            throw unreadable(where, ".param", first);
        }
        String type = null;
        String length = null;
        boolean pointer = false;
        while (true) {
            String token = tokens.next();
            if (token == null) {
                throw unreadable(where, "a comma or ')'", null);
            } else if (token.equals(",") || token.equals(")")) {
                if (type == null) {
                    throw unreadable(where, "a type", token);
                }
                parameters.add(of(type, length, pointer));
                return token;
            } else if (token.equals(".align")) {
                tokens.next();
            } else if (token.equals(".ptr")) {
                pointer = true;
            } else if (token.equals("[")) {
                length = tokens.next();
                if (!"]".equals(tokens.next())) {
                    throw unreadable(where, "a length in brackets", length);
                }
            } else if (type == null && token.startsWith(".")) {
                type = token;
            }
        }
    }

    private static Parameter of(String type, String length, boolean pointer) {
        if (length != null) {
            return new Parameter(type + "[" + length + "]", ""); // a struct
        }
        return switch (type) {
            // An address is an integer of 64 bits; newer compilers add .ptr to some.
            case ".u64", ".s64", ".b64" -> pointer ? new Parameter(type + " .ptr", "p") : new Parameter(type, "pl");
            case ".u32", ".s32" -> new Parameter(type, "i");
            case ".b32" -> new Parameter(type, "if"); // bits without a type
            case ".f32" -> new Parameter(type, "f");
            default -> new Parameter(type, "");
        };
    }

    private DeviceException unreadable(String where, String wanted, String found) {
        return new DeviceException(file + " cannot be read: " + where + " should have " + wanted + ", but "
                + (found == null ? "the text ends" : "'" + found + "' was found") + ". Build the CUDA modules anew");
    }
}
