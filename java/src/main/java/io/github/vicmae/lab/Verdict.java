package io.github.vicmae.lab;

/** The verdict of the lab on a loss, from best to worst. */
public enum Verdict {
    CORRECT("correct", 0),
    /** Results are right, but races and bounds were not checked. */
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

    /** Returns the worse of two stages' verdicts. */
    Verdict or(Verdict other) {
        return compareTo(other) >= 0 ? this : other;
    }

    /** Whether nothing wrong was found in what was checked. */
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
