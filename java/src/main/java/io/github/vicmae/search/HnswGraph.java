package io.github.vicmae.search;

import io.github.vicmae.embed.EmbeddingTable;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;
import org.apache.lucene.codecs.KnnVectorsFormat;
import org.apache.lucene.codecs.KnnVectorsReader;
import org.apache.lucene.codecs.KnnVectorsWriter;
import org.apache.lucene.codecs.lucene912.Lucene912Codec;
import org.apache.lucene.codecs.lucene99.Lucene99HnswVectorsFormat;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.KnnFloatVectorField;
import org.apache.lucene.document.NumericDocValuesField;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.LeafReaderContext;
import org.apache.lucene.index.NumericDocValues;
import org.apache.lucene.index.SegmentReadState;
import org.apache.lucene.index.SegmentWriteState;
import org.apache.lucene.index.VectorSimilarityFunction;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.KnnFloatVectorQuery;
import org.apache.lucene.search.ScoreDoc;
import org.apache.lucene.search.TopDocs;
import org.apache.lucene.store.FSDirectory;

/**
 * Approximate nearest neighbours: Lucene's hierarchical navigable small world graph over vectors of length one (Malkov and Yashunin 2018, arXiv
 * 1603.09320). Built once; the vectors lie in the folder a second time.
 */
final class HnswGraph implements AutoCloseable {
    private static final String VECTOR = "vector";
    private static final String ROW = "row";
    /** Links of a vertex. */
    private static final int LINKS = 16;
    /** Candidates that are looked at when a vertex is put in. */
    private static final int BUILD_CANDIDATES = 100;
    /** Candidates that are looked at when a query is answered, at least: more find more of the true neighbours, and take longer. */
    private static final int CANDIDATES = 200;

    private static final int LARGEST_WIDTH = 1 << 14;
    private static final double BUFFER_MEGABYTES = 256;

    private final FSDirectory directory;
    private final DirectoryReader reader;
    private final IndexSearcher searcher;

    private HnswGraph(FSDirectory directory, DirectoryReader reader) {
        this.directory = directory;
        this.reader = reader;
        searcher = new IndexSearcher(reader);
    }

    /** Lucene's own format, which is read by its name; only writing asks for the largest width, which by default is 1024. */
    private static final class WideVectors extends KnnVectorsFormat {
        private final KnnVectorsFormat format = new Lucene99HnswVectorsFormat(LINKS, BUILD_CANDIDATES);

        WideVectors() {
            super("Lucene99HnswVectorsFormat");
        }

        @Override
        public KnnVectorsWriter fieldsWriter(SegmentWriteState state) throws IOException {
            return format.fieldsWriter(state);
        }

        @Override
        public KnnVectorsReader fieldsReader(SegmentReadState state) throws IOException {
            return format.fieldsReader(state);
        }

        @Override
        public int getMaxDimensions(String field) {
            return LARGEST_WIDTH;
        }
    }

    /**
     * Builds a graph of a table's rows, divided by their lengths.
     *
     * @param done told from time to time how many rows are in it
     */
    static void build(Path folder, EmbeddingTable table, IntConsumer done) throws IOException {
        IndexWriterConfig config = new IndexWriterConfig(null);
        config.setOpenMode(IndexWriterConfig.OpenMode.CREATE);
        config.setRAMBufferSizeMB(BUFFER_MEGABYTES);
        config.setCodec(new Lucene912Codec() {
            private final KnnVectorsFormat vectors = new WideVectors();

            @Override
            public KnnVectorsFormat getKnnVectorsFormatForField(String field) {
                return vectors;
            }
        });
        try (FSDirectory directory = FSDirectory.open(folder);
                IndexWriter writer = new IndexWriter(directory, config)) {
            FloatBuffer row = FloatBuffer.allocate(table.settings().width());
            int rows = Math.toIntExact(table.rows());
            for (int i = 0; i < rows; i++) {
                table.read(i, 1, row);
                Document document = new Document();
                float[] unit = UnitVectors.unit(row.array().clone());
                document.add(new KnnFloatVectorField(VECTOR, unit, VectorSimilarityFunction.DOT_PRODUCT));
                document.add(new NumericDocValuesField(ROW, i));
                writer.addDocument(document);
                done.accept(i + 1);
            }
            writer.forceMerge(1); // several graphs take as many searches
        }
    }

    static HnswGraph open(Path folder) throws IOException {
        FSDirectory directory = FSDirectory.open(folder);
        try {
            return new HnswGraph(directory, DirectoryReader.open(directory));
        } catch (IOException | RuntimeException e) {
            directory.close();
            throw e;
        }
    }

    /**
     * Rows that are near, nearly always the nearest, and in order.
     *
     * @param query of length one
     */
    List<Neighbour> nearest(float[] query, int k) throws IOException {
        int wanted = Math.min(k, reader.maxDoc());
        KnnFloatVectorQuery asked = new KnnFloatVectorQuery(VECTOR, query, Math.max(wanted, CANDIDATES));
        TopDocs found = searcher.search(asked, wanted);
        List<Neighbour> nearest = new ArrayList<>();
        for (ScoreDoc hit : found.scoreDocs) {
            for (LeafReaderContext leaf : reader.leaves()) {
                int doc = hit.doc - leaf.docBase;
                if (doc >= 0 && doc < leaf.reader().maxDoc()) {
                    NumericDocValues rows = leaf.reader().getNumericDocValues(ROW);
                    rows.advanceExact(doc);
                    nearest.add(new Neighbour(rows.longValue(), 2 * hit.score - 1)); // its score is (1 + cosine) / 2
                }
            }
        }
        return nearest;
    }

    @Override
    public void close() throws IOException {
        try (directory) {
            reader.close();
        }
    }
}
