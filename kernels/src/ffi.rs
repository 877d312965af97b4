//! The tables through which ggml calls a device, laid out as ggml 0.9.5 has them (`ggml-backend-impl.h`, interface
//! version 2). The public bindings only name these types.

use std::ffi::{c_char, c_int, c_void};

use whisper_rs_sys::{
    ggml_backend_buffer_t, ggml_backend_buffer_type_t, ggml_backend_dev_props, ggml_backend_dev_t,
    ggml_backend_dev_type, ggml_backend_reg_t, ggml_backend_t, ggml_cgraph, ggml_guid, ggml_status,
    ggml_tensor,
};

/// `GGML_BACKEND_API_VERSION` of the layouts below.
pub(crate) const API_VERSION: c_int = 2;

/// An entry that this device leaves empty.
type Absent = Option<unsafe extern "C" fn()>;

#[repr(C)]
pub(crate) struct BackendTable {
    pub(crate) get_name: unsafe extern "C" fn(ggml_backend_t) -> *const c_char,
    pub(crate) free: unsafe extern "C" fn(ggml_backend_t),
    pub(crate) set_tensor_async: Absent,
    pub(crate) get_tensor_async: Absent,
    pub(crate) cpy_tensor_async: Absent,
    pub(crate) synchronize: Absent,
    pub(crate) graph_plan_create: Absent,
    pub(crate) graph_plan_free: Absent,
    pub(crate) graph_plan_update: Absent,
    pub(crate) graph_plan_compute: Absent,
    pub(crate) graph_compute: unsafe extern "C" fn(ggml_backend_t, *mut ggml_cgraph) -> ggml_status,
    pub(crate) event_record: Absent,
    pub(crate) event_wait: Absent,
    pub(crate) graph_optimize: Absent,
}

/// `struct ggml_backend`.
#[repr(C)]
pub(crate) struct Backend {
    pub(crate) guid: *mut ggml_guid,
    pub(crate) table: BackendTable,
    pub(crate) device: ggml_backend_dev_t,
    pub(crate) context: *mut c_void,
}

#[repr(C)]
pub(crate) struct DeviceTable {
    pub(crate) get_name: unsafe extern "C" fn(ggml_backend_dev_t) -> *const c_char,
    pub(crate) get_description: unsafe extern "C" fn(ggml_backend_dev_t) -> *const c_char,
    pub(crate) get_memory: unsafe extern "C" fn(ggml_backend_dev_t, *mut usize, *mut usize),
    pub(crate) get_type: unsafe extern "C" fn(ggml_backend_dev_t) -> ggml_backend_dev_type,
    pub(crate) get_props: unsafe extern "C" fn(ggml_backend_dev_t, *mut ggml_backend_dev_props),
    pub(crate) init_backend: unsafe extern "C" fn(ggml_backend_dev_t, *const c_char) -> ggml_backend_t,
    pub(crate) get_buffer_type: unsafe extern "C" fn(ggml_backend_dev_t) -> ggml_backend_buffer_type_t,
    pub(crate) get_host_buffer_type: Absent,
    pub(crate) buffer_from_host_ptr:
        unsafe extern "C" fn(ggml_backend_dev_t, *mut c_void, usize, usize) -> ggml_backend_buffer_t,
    pub(crate) supports_op: unsafe extern "C" fn(ggml_backend_dev_t, *const ggml_tensor) -> bool,
    pub(crate) supports_buft: unsafe extern "C" fn(ggml_backend_dev_t, ggml_backend_buffer_type_t) -> bool,
    pub(crate) offload_op: Absent,
    pub(crate) event_new: Absent,
    pub(crate) event_free: Absent,
    pub(crate) event_synchronize: Absent,
}

/// `struct ggml_backend_device`.
#[repr(C)]
pub(crate) struct Device {
    pub(crate) table: DeviceTable,
    pub(crate) reg: ggml_backend_reg_t,
    pub(crate) context: *mut c_void,
}

#[repr(C)]
pub(crate) struct RegTable {
    pub(crate) get_name: unsafe extern "C" fn(ggml_backend_reg_t) -> *const c_char,
    pub(crate) get_device_count: unsafe extern "C" fn(ggml_backend_reg_t) -> usize,
    pub(crate) get_device: unsafe extern "C" fn(ggml_backend_reg_t, usize) -> ggml_backend_dev_t,
    pub(crate) get_proc_address: unsafe extern "C" fn(ggml_backend_reg_t, *const c_char) -> *mut c_void,
}

/// `struct ggml_backend_reg`.
#[repr(C)]
pub(crate) struct Reg {
    pub(crate) api_version: c_int,
    pub(crate) table: RegTable,
    pub(crate) context: *mut c_void,
}
