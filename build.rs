//! Compiles `proto/` without a `protoc` on the machine.

use std::path::PathBuf;
use std::{env, fs};

use prost::Message;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let descriptors = protox::compile(
        [
            "proto/diting/v1/alert_service.proto",
            "proto/diting/v1/call_service.proto",
            "proto/diting/v1/centre_service.proto",
            "proto/diting/v1/insight_service.proto",
            "proto/diting/v1/privacy_service.proto",
            "proto/diting/v1/report_service.proto",
            "proto/diting/v1/reprocess_service.proto",
            "proto/diting/v1/review_service.proto",
            "proto/diting/v1/opinion_service.proto",
            "proto/diting/v1/privacy_service.proto",
            "proto/diting/v1/reprocess_service.proto",
            "proto/diting/v1/topic_service.proto",
        ],
        ["proto"],
    )?;
    fs::write(out.join("diting_descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().bytes(".").compile_fds(descriptors)?;
    Ok(())
}
