-- The language server in Neovim, from version 0.7 on: require("flowrun").setup()
local M = {}

local function root(path)
  local folder = vim.fn.fnamemodify(path, ":p:h")
  for _, mark in ipairs({ "flowrun.toml", ".git" }) do
    local found = vim.fn.findfile(mark, vim.fn.fnameescape(folder) .. ";")
    if found == "" then
      found = vim.fn.finddir(mark, vim.fn.fnameescape(folder) .. ";")
    end
    if found ~= "" then
      return vim.fn.fnamemodify(found, ":p"):gsub("/+$", ""):gsub("/[^/]*$", "")
    end
  end
  return folder
end

local clients = {}

-- Starts the server for a buffer, or takes the one that serves its project.
local function attach(buffer, command)
  local folder = root(vim.api.nvim_buf_get_name(buffer))
  local settings = { name = "flowrun", cmd = { command, "lsp" }, root_dir = folder }
  if vim.lsp.start then
    return vim.lsp.start(settings, { bufnr = buffer })
  end
  if not clients[folder] or not vim.lsp.get_client_by_id(clients[folder]) then
    settings.get_language_id = function() return "flowrun" end
    clients[folder] = vim.lsp.start_client(settings)
  end
  vim.lsp.buf_attach_client(buffer, clients[folder])
  return clients[folder]
end

-- Runs a program in a terminal. Its words reach it as they are: no shell reads them.
local function terminal(words)
  vim.cmd("botright new")
  vim.fn.termopen(words)
end

-- Options: `command`, the path of `flowrun`.
function M.setup(options)
  local command = (options or {}).command or "flowrun"
  vim.api.nvim_create_autocmd("FileType", {
    pattern = "flowrun",
    callback = function(args)
      if vim.fn.executable(command) == 1 then
        attach(args.buf, command)
      else
        vim.notify("flowrun is not installed here: pip install 'flowrun-dsl[lsp]'", vim.log.levels.WARN)
      end
    end,
  })
  vim.lsp.commands = vim.lsp.commands or {}
  vim.lsp.commands["flowrun.run"] = function(lens)
    local words = { command, vim.uri_to_fname(lens.arguments[1]) }
    if lens.arguments[2] then
      vim.list_extend(words, { "--flow", lens.arguments[2] })
    end
    terminal(words)
  end
  vim.lsp.commands["flowrun.test"] = function(lens)
    terminal({ command, "test", vim.uri_to_fname(lens.arguments[1]), "-k", lens.arguments[2] or "" })
  end
  vim.lsp.commands["flowrun.plan"] = function(lens)
    terminal({ command, "plan", vim.uri_to_fname(lens.arguments[1]) })
  end
end

return M
