package io.github.vicmae.loss;

/** A number of blocks, threads, bytes or floats that depends on a loss's sizes: +, -, *, / (rounded towards 0) and brackets over rows, columns and width. */
final class SizeExpression {
    private static final String GRAMMAR = "numbers, rows, columns, width, + - * / and brackets";

    private final String text;
    private int at;
    private ContrastiveShape shape;

    /**
     * @throws IllegalArgumentException if it cannot be read; the message says where
     */
    SizeExpression(String text) {
        this.text = text.strip();
        if (this.text.isEmpty()) {
            throw new IllegalArgumentException("a size is missing; it is made of " + GRAMMAR);
        }
        shape = null;
        try {
            evaluate(); // reports errors now
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException("'" + this.text + "' leaves the range of 64 bits");
        }
    }

    /**
     * Evaluates it for a shape.
     *
     * @throws IllegalArgumentException if it divides by 0 or leaves the range of 64 bits
     */
    long of(ContrastiveShape sizes) {
        shape = sizes;
        try {
            return evaluate();
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException("'" + text + "' has no value for " + sizes.rows() + " rows, "
                    + sizes.columns() + " columns and width " + sizes.width() + ": " + e.getMessage());
        } finally {
            shape = null;
        }
    }

    private long evaluate() {
        at = 0;
        long value = sum();
        if (at < text.length()) {
            throw wrong("an operator or the end");
        }
        return value;
    }

    private long sum() {
        long value = product();
        while (true) {
            if (takes('+')) {
                value = Math.addExact(value, product());
            } else if (takes('-')) {
                value = Math.subtractExact(value, product());
            } else {
                return value;
            }
        }
    }

    private long product() {
        long value = factor();
        while (true) {
            if (takes('*')) {
                value = Math.multiplyExact(value, factor());
            } else if (takes('/')) {
                long divisor = factor();
                // While parsing there are no sizes yet, and a divisor may be 0.
                value = shape == null ? 0 : value / divisor;
            } else {
                return value;
            }
        }
    }

    private long factor() {
        if (takes('(')) {
            long value = sum();
            if (!takes(')')) {
                throw wrong("')'");
            }
            return value;
        }
        if (takes('-')) {
            return Math.negateExact(factor());
        }
        int start = at;
        while (at < text.length() && Character.isLetterOrDigit(text.charAt(at))) {
            at++;
        }
        String word = text.substring(start, at);
        if (word.matches("[0-9]{1,18}")) {
            return Long.parseLong(word);
        }
        return switch (word) {
            case "rows" -> shape == null ? 0 : shape.rows();
            case "columns" -> shape == null ? 0 : shape.columns();
            case "width" -> shape == null ? 0 : shape.width();
            default -> {
                at = start;
                throw wrong("a number, rows, columns, width or '('");
            }
        };
    }

    private boolean takes(char symbol) {
        while (at < text.length() && text.charAt(at) == ' ') {
            at++;
        }
        if (at < text.length() && text.charAt(at) == symbol) {
            at++;
            while (at < text.length() && text.charAt(at) == ' ') {
                at++;
            }
            return true;
        }
        return false;
    }

    private IllegalArgumentException wrong(String wanted) {
        return new IllegalArgumentException("'" + text + "' cannot be read: " + wanted + " should come "
                + (at >= text.length() ? "at its end" : "in place of '" + text.substring(at) + "'")
                + "; a size is made of " + GRAMMAR);
    }

    @Override
    public String toString() {
        return text;
    }
}
