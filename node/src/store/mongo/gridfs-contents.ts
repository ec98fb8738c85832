// Contents in GridFS: files cut into chunks of 255 KiB, one document each.

import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Connection, mongo } from "mongoose";
import type { Contents } from "../contents.ts";
import type { MongoConnection } from "./connection.ts";

const BUCKET = "contents";

export function gridFsContents(db: MongoConnection): Contents {
  return {
    write: (id, source) =>
      db.run("writeContent", async (_, connection) => {
        const upload = bucketOf(connection).openUploadStreamWithId(idOf(id), id);
        await pipeline(Readable.from(source, { objectMode: false }), upload);
        return upload.length;
      }),
    read: (id, range) =>
      db.run("readContent", async (_, connection) => {
        const bucket = bucketOf(connection);
        const [found] = await bucket.find({ _id: idOf(id) }).toArray();
        if (found === undefined) return undefined;
        // GridFS counts the end exclusively.
        const part = range === undefined ? {} : { start: range.start, end: Math.min(range.end + 1, found.length) };
        const stream = found.length === 0 ? Readable.from([]) : bucket.openDownloadStream(idOf(id), part);
        return { totalBytes: found.length, stream };
      }),
    drop: (id) =>
      db.run("dropContent", async (_, connection) => {
        // Chunks first: a crash in between leaves a file that can be found and dropped again. An unfinished write has no file.
        await filesOf(connection, "chunks").deleteMany({ files_id: id });
        await filesOf(connection, "files").deleteOne({ filename: id });
      }),
  };
}

function bucketOf(connection: Connection): mongo.GridFSBucket {
  return new mongo.GridFSBucket(databaseOf(connection), { bucketName: BUCKET });
}

function filesOf(connection: Connection, part: "chunks" | "files"): mongo.Collection {
  return databaseOf(connection).collection(`${BUCKET}.${part}`);
}

function databaseOf(connection: Connection): mongo.Db {
  if (connection.db === undefined) throw new TypeError("the connection was never opened");
  return connection.db;
}

/** Our ids are text; the driver's types know ObjectIds only. */
function idOf(id: string): mongo.ObjectId {
  return id as unknown as mongo.ObjectId;
}
