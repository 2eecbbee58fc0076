// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Cause 2: deleted files that stay mapped. An index writes segments, maps each for its searchers and deletes those that a
 * merge has replaced; a searcher that is never closed keeps the maps of all of them (OpenSearch#18226, lucene PR#13570).
 *
 *     java DeletedSegments.java FOLDER [SEGMENTS [PACE_US]]
 */
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

public class DeletedSegments {
	private static final int SEGMENT_SIZE = 16 * 1024;
	private static final int MERGE_FACTOR = 4;

	private final Path folder;
	/* The bug: a searcher that nobody closes. Its buffers are reachable, so no collection frees their maps. */
	private final List<MappedByteBuffer> searcher = new ArrayList<>();
	private final List<Path> segments = new ArrayList<>();
	private int generation;

	DeletedSegments(Path folder) {
		this.folder = folder;
	}

	private Path segmentWrite() throws IOException {
		Path path = folder.resolve("_" + Integer.toString(generation++, 36) + ".cfs");

		Files.write(path, new byte[SEGMENT_SIZE]);
		return path;
	}

	private void segmentOpen(Path path) throws IOException {
		try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
			searcher.add(channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size())); // LEAK
		}
		segments.add(path);
	}

	private void segmentsMerge() throws IOException {
		for (Path path : segments)
			Files.delete(path);
		segments.clear();
		segmentOpen(segmentWrite());
	}

	private long search() {
		ByteBuffer newest = searcher.get(searcher.size() - 1);
		long sum = 0;

		for (int i = 0; i < newest.capacity(); i += 4096)
			sum += newest.get(i);
		return sum;
	}

	public static void main(String[] args) throws Exception {
		DeletedSegments index = new DeletedSegments(Path.of(args[0]));
		int count = args.length > 1 ? Integer.parseInt(args[1]) : 100000;
		int paceUs = args.length > 2 ? Integer.parseInt(args[2]) : 1000;
		long found = 0;

		while (index.generation < count) {
			index.segmentOpen(index.segmentWrite());
			if (index.segments.size() > MERGE_FACTOR)
				index.segmentsMerge();
			found += index.search();
			Thread.sleep(paceUs / 1000, paceUs % 1000 * 1000);
		}
		System.out.println(found + " found");
	}
}
