package io.github.vicmae.data.source;

import java.nio.file.Path;
import java.util.List;

/** One video or image without a class. */
record SingleFile(Path path) implements SampleSource {
    @Override
    public Scan scan() {
        ScanReport report = new ScanReport();
        String name = FileNames.text(path.getFileName());
        Kind kind = Kind.of(name);
        if (kind == null) {
            report.add(ScanReport.Reason.UNKNOWN, FileNames.printable(name));
            return new Scan(List.of(), true, report);
        }
        return new Scan(List.of(new Found(name, Content.of(path), kind, null)), true, report);
    }
}
