package io.github.vicmae.spark;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/**
 * Where things stand in a row of the input; what is not there is -1.
 *
 * @param path of the column path
 * @param content of the column content, of bytes
 * @param className of the column class; where there is none, a file's folder is its class
 * @param length of the column length, which goes along
 * @param modified of the column modificationTime, which goes along
 */
record Columns(int path, int content, int className, int length, int modified) implements Serializable {
    static final String LENGTH = "length";
    static final String MODIFIED = "modificationTime";

    /** @throws IllegalArgumentException if there is no column of paths, or one has another type */
    static Columns of(StructType input) {
        Columns columns = new Columns(
                place(input, "path", DataTypes.StringType),
                place(input, "content", DataTypes.BinaryType),
                place(input, "class", DataTypes.StringType),
                place(input, LENGTH, DataTypes.LongType),
                place(input, MODIFIED, DataTypes.TimestampType));
        if (columns.path < 0) {
            throw new IllegalArgumentException("The data frame needs a column 'path' of the files' paths; it has: "
                    + String.join(", ", input.fieldNames()));
        }
        return columns;
    }

    private static int place(StructType input, String name, DataType type) {
        int place = Arrays.asList(input.fieldNames()).indexOf(name);
        if (place >= 0 && !input.fields()[place].dataType().equals(type)) {
            throw new IllegalArgumentException("The column '" + name + "' has to be of type " + type.simpleString()
                    + ", not " + input.fields()[place].dataType().simpleString());
        }
        return place;
    }

    /** The columns of the output. */
    StructType output() {
        List<StructField> fields = new ArrayList<>(List.of(
                DataTypes.createStructField("path", DataTypes.StringType, true),
                DataTypes.createStructField("class", DataTypes.StringType, true),
                DataTypes.createStructField("time", DataTypes.DoubleType, true),
                DataTypes.createStructField("embedding", DataTypes.createArrayType(DataTypes.FloatType, false), true),
                DataTypes.createStructField("problem", DataTypes.StringType, true)));
        if (length >= 0) {
            fields.add(DataTypes.createStructField(LENGTH, DataTypes.LongType, true));
        }
        if (modified >= 0) {
            fields.add(DataTypes.createStructField(MODIFIED, DataTypes.TimestampType, true));
        }
        return new StructType(fields.toArray(StructField[]::new));
    }

    String path(Row row) {
        return row.getString(path);
    }

    /** The file's bytes, or null if they are to be read. */
    byte[] content(Row row) {
        return content < 0 || row.isNullAt(content) ? null : (byte[]) row.get(content);
    }

    Row vector(Row input, double seconds, float[] vector) {
        return output(input, Double.isNaN(seconds) ? null : seconds, vector, null);
    }

    Row problem(Row input, String reason) {
        return output(input, null, null, reason);
    }

    private Row output(Row input, Double seconds, float[] vector, String problem) {
        List<Object> values = new ArrayList<>();
        values.add(path(input));
        values.add(className < 0 ? folder(path(input)) : input.get(className));
        values.add(seconds);
        values.add(vector);
        values.add(problem);
        if (length >= 0) {
            values.add(input.get(length));
        }
        if (modified >= 0) {
            values.add(input.get(modified));
        }
        return RowFactory.create(values.toArray());
    }

    /** The name of a file's folder, or null. */
    private static String folder(String path) {
        String[] parts = path == null ? new String[0] : path.split("/");
        return parts.length < 2 || parts[parts.length - 2].isEmpty() || parts[parts.length - 2].endsWith(":")
                ? null
                : parts[parts.length - 2];
    }
}
