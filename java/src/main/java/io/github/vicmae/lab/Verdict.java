package io.github.vicmae.lab;

/** What the lab says of a loss in the end, from the best to the worst. */
public enum Verdict {
    CORRECT("correct", 0),
    /** Right as far as it was looked at, but races and bounds were not. */
    UNCHECKED("not checked for safety", 7),
    WRONG("wrong", 3),
    NOT_BUILT("not built", 5),
    UNENDING("did not end", 6),
    UNSAFE("unsafe", 4);

    private final String words;
    private final int exitCode;

    Verdict(String words, int exitCode) {
        this.words = words;
        this.exitCode = exitCode;
    }

    /** Of two stages' verdicts the one that the loss gets. */
    Verdict or(Verdict other) {
        return compareTo(other) >= 0 ? this : other;
    }

    /** Whether nothing wrong was found, as far as it was looked at. */
    boolean isGood() {
        return this == CORRECT || this == UNCHECKED;
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
