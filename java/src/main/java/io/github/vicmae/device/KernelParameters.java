package io.github.vicmae.device;

import java.util.List;

/**
 * A compiled kernel's parameters as its build knows them, to be held against the signature that Java asks for: a launch hands over addresses
 * of values, and nobody else would notice a value of the wrong type.
 *
 * @param list one for each parameter, in order
 */
public record KernelParameters(List<Parameter> list) {
    /**
     * One parameter.
     *
     * @param type in the build's own words, as in {@code .u64}
     * @param letters the letters of {@link Kernel#signature()} that it can be; empty if Java cannot pass such a value
     */
    public record Parameter(String type, String letters) {
        private boolean isA(char letter) {
            return letters.indexOf(letter) >= 0;
        }

        private String words() {
            return letters.isEmpty()
                    ? type + ", which no letter stands for"
                    : type + " (" + String.join(" or ", letters.split("")) + ")";
        }
    }

    public KernelParameters {
        list = List.copyOf(list);
    }

    /** Parameters whose letters are known; any letter but p, i, l and f is a type that Java cannot pass. */
    public static KernelParameters of(String signature) {
        return new KernelParameters(signature
                .chars()
                .mapToObj(letter -> switch (letter) {
                    case 'p' -> new Parameter("a pointer", "p");
                    case 'i' -> new Parameter("a 32-bit integer", "i");
                    case 'l' -> new Parameter("a 64-bit integer", "l");
                    case 'f' -> new Parameter("a float", "f");
                    default -> new Parameter("of another type", "");
                })
                .toList());
    }

    /**
     * Compares with what Java asks for.
     *
     * @param name the kernel's name
     * @param file where it was found, as in {@code layer_norm.ptx}
     * @param signature as {@link Kernel#signature()}
     * @throws DeviceException if number or types differ; it names both and the first parameter that differs
     */
    public void check(String name, String file, String signature) {
        int common = Math.min(list.size(), signature.length());
        int at = 0;
        while (at < common && list.get(at).isA(signature.charAt(at))) {
            at++;
        }
        if (at == list.size() && at == signature.length()) {
            return;
        }
        StringBuilder message = new StringBuilder(
                name + " in " + file + " takes (" + letters(signature) + "), but Java asks for (" + signature + "): ");
        if (list.size() != signature.length()) {
            message.append("it has ").append(list.size()).append(" parameters, not ");
            message.append(signature.length()).append(at < common ? ", and " : "");
        }
        if (at < common) {
            message.append("parameter ")
                    .append(at + 1)
                    .append(" is ")
                    .append(list.get(at).words());
            message.append(", not ").append(signature.charAt(at));
        }
        throw new DeviceException(message + ". Change the one that is wrong and build again");
    }

    // Where a type leaves it open, the letter that was asked for.
    private String letters(String asked) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < list.size(); i++) {
            Parameter parameter = list.get(i);
            if (i < asked.length() && parameter.isA(asked.charAt(i))) {
                text.append(asked.charAt(i));
            } else {
                text.append(
                        parameter.letters().isEmpty()
                                ? '?'
                                : parameter.letters().charAt(0));
            }
        }
        return text.toString();
    }
}
