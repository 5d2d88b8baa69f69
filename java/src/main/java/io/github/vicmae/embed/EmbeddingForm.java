package io.github.vicmae.embed;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** A form of file that embeddings are written in and read from again, told by its name's extension. */
public enum EmbeddingForm {
    NPY("npy", true, true, new NpyForm()),
    SAFETENSORS("safetensors", false, true, new SafetensorsForm()),
    PARQUET("parquet", false, false, new ParquetForm()),
    CSV("csv", true, false, new CsvForm());

    private final String extension;
    private final boolean hasCompanion;
    private final boolean takesTokens;
    private final Format format;

    /** How a form is written and read. */
    interface Format {
        /** @param classNames of the data set, by number */
        void write(Path file, EmbeddingTable table, List<String> classNames) throws IOException;

        EmbeddingTable open(Path file) throws IOException;
    }

    EmbeddingForm(String extension, boolean hasCompanion, boolean takesTokens, Format format) {
        this.extension = extension;
        this.hasCompanion = hasCompanion;
        this.takesTokens = takesTokens;
        this.format = format;
    }

    /**
     * The form of a file's name.
     *
     * @throws IllegalArgumentException if it has none of the extensions
     */
    public static EmbeddingForm of(Path file) {
        String name = String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
        for (EmbeddingForm form : values()) {
            if (name.endsWith("." + form.extension)) {
                return form;
            }
        }
        throw new IllegalArgumentException("Embeddings are written as .npy, .parquet, .csv or .safetensors, which "
                + file + " does not end in; give --out a name with one of them");
    }

    /** Whether a row may hold several vectors, as those of all patches. */
    public boolean takesTokens() {
        return takesTokens;
    }

    /** The file beside that says what the rows are, or null if the file itself does. */
    public Path companion(Path file) {
        return hasCompanion ? RowFiles.companion(file) : null;
    }

    /**
     * Writes a table; files of that name are replaced when the new ones are complete.
     *
     * @param classNames of the data set, by number
     * @throws IOException if it cannot be written
     */
    public void write(Path file, EmbeddingTable table, List<String> classNames) throws IOException {
        format.write(file, table, classNames);
    }

    /**
     * Opens a file that {@link #write} has written.
     *
     * @throws IOException if it cannot be read, or was not written here
     */
    public EmbeddingTable open(Path file) throws IOException {
        return format.open(file);
    }
}
