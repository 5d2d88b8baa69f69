package io.github.vicmae.lab;

/** What the lab says of a loss in the end. */
public enum Verdict {
    CORRECT("correct", 0),
    WRONG("wrong", 3),
    UNSAFE("unsafe", 4),
    NOT_BUILT("not built", 5),
    UNENDING("does not end", 6),
    /** Right as far as it was looked at, but races and bounds were not. */
    UNCHECKED("not checked for safety", 7);

    private final String words;
    private final int exitCode;

    Verdict(String words, int exitCode) {
        this.words = words;
        this.exitCode = exitCode;
    }

    /** The exit status of the command. */
    public int exitCode() {
        return exitCode;
    }

    @Override
    public String toString() {
        return words;
    }
}
